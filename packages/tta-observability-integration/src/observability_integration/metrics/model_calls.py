"""What calls of models count: time, tokens and money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import model_instruments as instruments
from .instruments import LLM_COST, LLM_COST_UNPRICED

if TYPE_CHECKING:
    from observability_integration.spans.light_span import LightSpan
    from tta_dev_primitives.core.observe import LLMRecord, LLMRequestRecord

    from .instrument import CellSource

OTHER = "other"
"""Stands for a model or provider that nobody named."""


class ModelCalls:
    """Count the calls of models at one place.

    Cells are looked up for every call, because the request may name another model each time; that
    is a microsecond of a call that takes a second.

    Args:
        source: Where cells come from.
        path: The place, by which money is counted.
        provider: Whom calls ask that say nothing else.
        model: What they ask it for.
        priced_later: Whether somebody else prices the answers that come without a cost.
    """

    __slots__ = ("_asked", "_path", "_priced_later", "_source")

    def __init__(
        self,
        source: CellSource,
        path: str,
        provider: str = "",
        model: str = "",
        *,
        priced_later: bool = False,
    ) -> None:
        self._source, self._path, self._priced_later = source, path, priced_later
        self._asked = ("chat", provider or OTHER, model or OTHER)

    def asked(self, record: LLMRequestRecord) -> None:
        """Note what is asked for, by which a call is counted that fails.

        Of calls at the same time that ask for different models a failure may be counted for the
        wrong one.
        """
        self._asked = (record.operation, record.provider or OTHER, record.request_model or OTHER)

    def failed(self, seconds: float, error_type: str, span: LightSpan | None) -> None:
        """Count a call that brought no answer.

        Args:
            seconds: How long it took.
            error_type: What it failed with.
            span: The span of the call.
        """
        old = self._source.schema == "1.41"
        duration = instruments.OPERATION_DURATION if old else instruments.INFERENCE_DURATION
        self._source.cell(duration, *self._asked, None, error_type).record(seconds, span)

    def answered(self, record: LLMRecord, span: LightSpan | None) -> None:
        """Count an answer."""
        cell, model = self._source.cell, record.request_model or OTHER
        provider = record.provider or OTHER
        call = (record.operation, provider, model, record.response_model or None)
        if self._source.schema == "1.41":
            cell(instruments.OPERATION_DURATION, *call, None).record(record.duration, span)
            tokens = cell(instruments.TOKEN_USAGE, *call, "input")
            tokens.record(record.input_tokens, span)
            cell(instruments.TOKEN_USAGE, *call, "output").record(record.output_tokens, span)
            first_chunk = instruments.TIME_TO_FIRST_CHUNK
        else:
            cell(instruments.INFERENCE_DURATION, *call, None).record(record.duration, span)
            cell(instruments.INFERENCE_INPUT_TOKENS, *call).record(record.input_tokens, span)
            cell(instruments.INFERENCE_OUTPUT_TOKENS, *call).record(record.output_tokens, span)
            first_chunk = instruments.INFERENCE_TIME_TO_FIRST_CHUNK
        if record.time_to_first_chunk is not None:
            cell(first_chunk, *call).record(record.time_to_first_chunk, span)
        for usage, number in (
            (instruments.USAGE_INPUT_TOKENS, record.input_tokens),
            (instruments.USAGE_OUTPUT_TOKENS, record.output_tokens),
            (instruments.USAGE_CACHE_READ_INPUT_TOKENS, record.cache_read_input_tokens),
            (instruments.USAGE_CACHE_WRITE_INPUT_TOKENS, record.cache_write_input_tokens),
            (instruments.USAGE_REASONING_OUTPUT_TOKENS, record.reasoning_output_tokens),
        ):
            if number:
                cell(usage, *call).add(number)
        if record.cost is not None:
            cell(LLM_COST, provider, model, self._path).add(record.cost)
        elif not self._priced_later:
            cell(LLM_COST_UNPRICED, provider, model).add()
