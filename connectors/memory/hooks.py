"""Whom the memory tool calls: asked for by call, and gone when their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import Refused
from core.ports import Order, Secrets, Subscription

if TYPE_CHECKING:
    from connectors.memory.tool import Tool
    from core.model.instant import Instant

LONGEST = 200
"""Letters of an address."""


@dataclass
class Hook:
    """One address that is called about every change."""

    id: str
    address: str
    ends_at: Instant | None = None
    asleep: bool = False
    """The tool has switched it off, because nobody answered there."""
    secret: str = field(default="", repr=False)

    @property
    def fault(self) -> str:
        """Why it is not called."""
        return "is switched off" if self.asleep else ""


class Subscriber:
    """How the hub has itself called; see `core.ports.Subscribes`. The caller keeps count and signs in."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool

    def listed(self) -> Sequence[Subscription] | None:
        """Who is called, without their secrets."""
        if not self.tool.habits.lists_hooks:
            return None
        return [Subscription(one.id, one.address, one.ends_at, one.fault) for one in self._alive()]

    def made(self, order: Order) -> Subscription:
        """One more."""
        if len(order.address) > LONGEST:
            raise Refused(f"An address has {LONGEST} letters at most.")
        tool, life = self.tool, self.tool.habits.hook_life
        ends_at = None if life is None else tool.clock() + life
        if tool.habits.lists_hooks:
            one = Hook(
                f"hook-{len(tool.hooks) + 1}-{order.key[:4]}", order.address, ends_at, secret=f"told-{order.key}"
            )
            secrets = Secrets(told=one.secret)
        else:
            one = Hook(order.key, order.address, ends_at, secret=order.secret)
            secrets = Secrets(chosen=one.secret)
        tool.hooks[one.id] = one
        return Subscription(one.id, one.address, one.ends_at, secrets=secrets)

    def renewed(self, old: Subscription, order: Order) -> Subscription:
        """The same one, woken and led elsewhere, where its secret is known; else another one."""
        one = self.tool.hooks.get(old.id)
        if one is None or not self.tool.habits.lists_hooks or not old.secrets.told:
            return self.made(order)
        one.address, one.asleep = order.address, False
        if self.tool.habits.hook_life is not None:
            one.ends_at = self.tool.clock() + self.tool.habits.hook_life
        return Subscription(one.id, one.address, one.ends_at, secrets=old.secrets)

    def dropped(self, old: Subscription) -> None:
        """One less."""
        self.tool.hooks.pop(old.id, None)

    def _alive(self) -> list[Hook]:
        return [one for one in self.tool.hooks.values() if one.ends_at is None or self.tool.clock() < one.ends_at]
