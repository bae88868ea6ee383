"""The objective: bounds of log p(x), and estimators of their gradient."""

from attend.objective.bounds import count_bounds, count_terms, elbo, importance_weighted_bound, per_count
from attend.objective.concrete import Concrete
from attend.objective.estimator import BaselineSettings, Estimator, estimators
from attend.objective.exact import Exact
from attend.objective.importance import ImportanceSettings, ImportanceWeighted
from attend.objective.nvil import NVIL
from attend.objective.wake import Wake

__all__ = [
    "NVIL",
    "BaselineSettings",
    "Concrete",
    "Estimator",
    "Exact",
    "ImportanceSettings",
    "ImportanceWeighted",
    "Wake",
    "count_bounds",
    "count_terms",
    "elbo",
    "estimators",
    "importance_weighted_bound",
    "per_count",
]
