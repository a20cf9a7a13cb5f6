"""Places and models together, of which only so many are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .place_names import OTHER, BoundedNames

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

_MOST_CELLS: Final = 2_000


class Cell(NamedTuple):
    """Requests of one place to one model."""

    place: str
    model: str


class CellNames:
    """Tell places and models apart, up to a bound; sums over all of them stay exact."""

    def __init__(self) -> None:
        self._places, self._models = BoundedNames(), BoundedNames(unnamed="")
        self._cells: set[Cell] = set()
        self._pooled = False

    @property
    def pooled(self) -> bool:
        """Whether some names were taken together."""
        return self._pooled or self._places.pooled or self._models.pooled

    def of(self, request: TrafficRequest) -> Cell:
        """Return the cell that *request* is counted in."""
        cell = Cell(self._places.of(request.place), self._models.of(request.model))
        if cell in self._cells:
            return cell
        if len(self._cells) >= _MOST_CELLS:
            self._pooled = True
            cell = Cell(OTHER, cell.model)
        self._cells.add(cell)
        return cell
