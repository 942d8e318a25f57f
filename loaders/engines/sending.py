"""What worker processes are sent: functions in pipelines, which not every way of starting a process can carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.multiprocessing

from ...augment import Lambda
from ...augment.ops.functions import sending_error
from ...augment.views import pipelines_of
from ...errors import OptionError

if TYPE_CHECKING:
    from ..dataloader import DataLoader

__all__ = ["check_functions"]


def check_functions(loader: DataLoader[Any]) -> None:
    """Refuses functions of the pipeline that can't be sent to this loader's worker processes.

    Raises:
        OptionError: names the op, how processes are started, and what helps.
    """
    context = loader.multiprocessing_context or torch.multiprocessing
    method = context.get_start_method()
    if loader.augment is None or method == "fork":
        return
    for pipeline in dict.fromkeys(pipelines_of(loader.augment)):
        for position in pipeline.functions:
            op = pipeline[position]
            if isinstance(op, Lambda):
                _check_function(op, position, method)


def _check_function(op: Lambda, position: int, method: str) -> None:
    error = sending_error(op)
    if error is not None:
        raise OptionError(
            f"{op!r} at position {position} can't be sent to worker processes that are started by {method!r}: {error}; "
            "define its function with def at the top level of a module, or use multiprocessing_context='fork', "
            "workers='threads' or num_workers=0"
        ) from error
