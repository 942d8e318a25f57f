"""NVIDIA DALI as an executor: a graph of DALI's operators for each pipeline, fed with drawn parameters."""

from .branch import Branch
from .executor import DaliExecutor
from .modules import load_dali
from .table import dali_obstacle, dali_prefix
from .views import DaliViews

__all__ = ["Branch", "DaliExecutor", "DaliViews", "dali_obstacle", "dali_prefix", "load_dali"]
