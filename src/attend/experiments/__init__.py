"""The paper's 2D experiments, each a function from settings to a report: `attend reproduce NAME`."""

from attend.experiments import (  # each registers itself
    estimators,
    generalisation,
    multi_mnist,
    omniglot,
    representation,
    sprites,
    supervised,
)
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.report import reproduce

__all__ = [
    "Check",
    "Report",
    "Settings",
    "Table",
    "estimators",
    "experiments",
    "generalisation",
    "multi_mnist",
    "omniglot",
    "representation",
    "reproduce",
    "sprites",
    "supervised",
]
