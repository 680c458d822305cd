"""How fast a provider is used: smooth, shared by all workers, fair between campaigns."""

from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field


class ProviderLimit(BaseModel):
    """What one provider account bears. None: no limit of ours."""

    per_second: float | None = Field(default=None, gt=0, le=10_000)
    at_once: int | None = Field(default=None, ge=1, le=100_000)  # calls

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pacer(Protocol):
    """Hands out the instants at which messages may go to one provider account."""

    async def turn(self, campaign_id: int, *, urgent: bool) -> float | None:
        """Wait for one's turn, then None; or at once the seconds after which to come again, when
        the turn would come too late. Urgent messages go first, campaigns take turns."""
        ...


class Unpaced:
    """No limit: everybody's turn is now."""

    async def turn(self, campaign_id: int, *, urgent: bool) -> float | None:  # noqa: ARG002
        return None
