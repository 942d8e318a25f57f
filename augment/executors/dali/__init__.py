"""NVIDIA DALI as an executor: a graph of DALI's operators for each pipeline, fed with drawn parameters."""

from .executor import DaliExecutor
from .modules import load_dali
from .table import dali_obstacle, dali_prefix

__all__ = ["DaliExecutor", "dali_obstacle", "dali_prefix", "load_dali"]
