"""The paper's experiments, each a function from settings to a report: `attend reproduce NAME`."""

from attend.experiments import (  # each registers itself
    coins,
    estimators,
    generalisation,
    hard_scenes,
    multi_mnist,
    objects_3d,
    omniglot,
    real,
    representation,
    sprites,
    supervised,
    tabletop,
)
from attend.experiments.frame import Check, Report, Settings, Table, experiments
from attend.experiments.report import reproduce

__all__ = [
    "Check",
    "Report",
    "Settings",
    "Table",
    "coins",
    "estimators",
    "experiments",
    "generalisation",
    "hard_scenes",
    "multi_mnist",
    "objects_3d",
    "omniglot",
    "real",
    "representation",
    "reproduce",
    "sprites",
    "supervised",
    "tabletop",
]
