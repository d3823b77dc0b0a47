"""Alerts: what is wrong is told by mail, to a chat, or to any address that takes JSON: at first, again, when over.

The addresses of hooks are secrets and come from the environment (`CONCORD_ALERT_SLACK`, `CONCORD_ALERT_WEBHOOK`); who
gets mail, and from which limits on, stands in the configuration (`alerts:`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from api.cli.output import ago
from api.elements import when
from api.sending import mail_connection, sender
from api.snapshot import snapshot
from connectors._kit.addresses import watching
from connectors._kit.authorities import authorities
from core.decide.alerting import Alerting, News, Standing, Trouble, compare
from core.errors import REGISTRY, USED_UP, ConcordError, ConfigError, Unavailable
from core.flow.pausing import ON_DEMAND
from core.flow.running import Run
from core.model.instant import DAY, MINUTE, SECOND, Instant, iso
from core.model.many import many, verb
from core.ports import Message
from core.store import alerts, hooks

if TYPE_CHECKING:
    from api.assembly import Installation

EVERY = MINUTE
"""So often it is looked whether anything is wrong."""
_TIMEOUT = 10.0
_LONGEST = 500
"""Letters of a reason."""
_HEADS = {"first": "Wrong", "again": "Still wrong", "over": "Over"}


class Way(NamedTuple):
    """A way to whoever is to hear."""

    name: str
    to: str
    """Who hears by it, as a person reads it; no secret."""
    send: Callable[[Sequence[News]], str]
    """Carries news; gives what was answered, and raises what went wrong."""

    def __str__(self) -> str:
        """As it is said who was told."""
        return f"{self.name} to {self.to}" if self.to else self.name


class Trial(NamedTuple):
    """What became of a message that was sent to see whether it arrives."""

    way: str
    said: str
    """What the way answered."""
    error: ConcordError | None = None


def look(installation: Installation, failed: Sequence[ConcordError] = ()) -> list[News]:
    """See what is wrong, and tell whoever is to hear; gives what was told. `failed` is what did so in this process.

    What no way carries is told with the next look: it stands as untold. Where nobody is to hear, it is kept all the
    same, so that `concord alerts` shows since when.
    """
    alerting, now = installation.alerting(), installation.clock()
    seen = snapshot(installation, counted=False)
    troubles = [*troubles_of(seen, alerting), *_of_hub(failed), *_of_work(installation)]
    troubles += _of_hooks(installation)
    with installation.store.reading() as tx:
        before = alerts.standing(tx)
    news, stands = compare(alerting, before, troubles, now)
    ways = ways_of(installation)
    told = _carried(installation, ways, news) if news else []
    if ways and not told:
        untold = {one.about.key: one.about for one in news}
        kept = {one.key for one in stands}
        stands = [untold.get(one.key, one) for one in stands]
        stands += [one for key, one in untold.items() if key not in kept]
        news = []
    if stands != before or news:
        with installation.store.writing() as tx:
            alerts.put(tx, before, stands)
            if news:
                alerts.note(tx, news, told, now)
    return news


def troubles_of(state: dict[str, Any], alerting: Alerting) -> Iterator[Trouble]:
    """What is wrong by the state of the hub (`snapshot`)."""
    for one in state["connections"]:
        yield from _of_connection(one, alerting)
    late = state["reviews"]["late"]
    if late:
        says = f"{many(late, 'question')} {verb(late, 'is', 'are')} late"
        yield Trouble("reviews", "", says, "See `concord reviews`.")
    if late := state["requests"]["late"]:
        says = f"{many(late, 'request')} of people about their data {verb(late, 'is', 'are')} overdue"
        yield Trouble("requests", "", says, "See `concord requests list`; the law's time for an answer is over.")


def _of_connection(one: dict[str, Any], alerting: Alerting) -> Iterator[Trouble]:
    name = one["name"]
    resting = [one["pause"], *(stream["pause"] for stream in one["streams"])]
    # Whoever paused it by hand knows.
    pause = next((each for each in resting if each and each["code"] != ON_DEMAND), None)
    if pause is not None:
        yield Trouble("connection", name, f"{name} rests: {pause['note']}", pause["remedy"] or "See `concord status`.")
    for brake in one["brakes"][:1]:
        yield Trouble("brake", name, f"Writing to {name} is stopped: {brake['note']}", brake["action"])
    if one["lag_seconds"] * SECOND > alerting.lag and one["hold"] is None:
        waited = ago(one["lag_seconds"]).removesuffix(" ago")
        yield Trouble(
            "lag", name, f"Changes have waited {waited} for {name}", f"See `concord log --connection {name}`."
        )
    if one["outbox"] > alerting.queue and one["hold"] is None:
        yield Trouble(
            "queue",
            name,
            f"{many(one['outbox'], 'change')} {verb(one['outbox'], 'waits', 'wait')} for {name}",
            "See `concord status`.",
        )
    if one["dead_letters"] >= alerting.dead_letters:
        remedy = f"See `concord problems {name}`, mend, then `concord replay {name}`."
        yield Trouble("dead_letters", name, f"{name} refused {many(one['dead_letters'], 'write')}", remedy)
    if (calls := one["calls"]) is not None:
        yield from _of_quota(name, calls, alerting.quota)
    if one["hold"] is None and one["agreement"] is not None and one["agreement"] < alerting.agreement:
        share = f"{100 * one['agreement']:.1f} %"
        yield Trouble("agreement", name, f"Only {share} of {name} agrees with the hub", "See `concord status`.")


def _of_quota(name: str, calls: dict[str, Any], limit: float) -> Iterator[Trouble]:
    """The day's calls: wholly used up to the reserve, or nearly."""
    if calls["used_up_until"] is not None:
        says = f"The day's calls to {name} are used up; reading and writing go on at {calls['used_up_until']}"
        yield Trouble("quota", name, says, REGISTRY[USED_UP].remedy)
        return
    ours = (calls["allowed"] or 0) - (calls["reserve"] or 0)
    if ours > 0 and calls["used"] > limit * ours:
        says = f"{calls['used']:,} of {ours:,} calls of the day to {name} are used"
        remedy = "Nothing stands still yet. Poll less often, have the tool's admin raise the quota, or lower `reserve`."
        yield Trouble("quota", name, says, remedy)


def _of_hub(failed: Sequence[ConcordError]) -> Iterator[Trouble]:
    """One trouble for each connection in which something failed, and one for the hub's own work."""
    for where in dict.fromkeys(str(one.facts.get("connection", "")) for one in failed):
        first = next(one for one in failed if one.facts.get("connection", "") == where)
        yield Trouble("hub", where, first.message, first.remedy)


def _of_work(installation: Installation) -> Iterator[Trouble]:
    """Whoever does the work and is missing; one trouble, whoever that is."""
    absences = installation.presence.absences() if installation.presence is not None else []
    if absences:
        says = " ".join(one.says for one in absences).removesuffix(".")
        yield Trouble("workers", "", says, " ".join(one.remedy for one in absences))


def _of_hooks(installation: Installation) -> Iterator[Trouble]:
    """Webhooks that are sent no more; one trouble, however many."""
    with installation.store.reading() as tx:
        found = hooks.troubled(tx, since=installation.clock() - DAY)
    if found:
        first = found[0]
        says = f"{many(len(found), 'webhook')} {verb(len(found), 'is', 'are')} sent no more, such as {first.id}"
        remedy = "See the page Webhooks or `GET /v1/hooks`; mend what takes them, then let it go on, or remove it."
        yield Trouble("hooks", "", f"{says}: {first.why.removesuffix('.')}", remedy)


def trial(installation: Installation) -> list[Trial]:
    """Send a message by every way, and say what each answered. `ConfigError` where there is none."""
    ways = ways_of(installation)
    if not ways:
        raise ConfigError(
            "Nobody is told of anything.",
            remedy="Say `alerts: {mail: CONNECTION, to: [ADDRESS]}` in concord.yaml, or set CONCORD_ALERT_SLACK or "
            "CONCORD_ALERT_WEBHOOK.",
        )
    now = installation.clock()
    about = Standing("hub", "", now, now, None, "This is a test: nothing is wrong", "Nothing is to be done.")
    return [_tried(way, News("first", about)) for way in ways]


def _tried(way: Way, news: News) -> Trial:
    try:
        return Trial(way.name, way.send([news]))
    except ConcordError as error:
        return Trial(way.name, "", error)


def put_off(installation: Installation, key: tuple[str, str], until: Instant | None, by: str, why: str) -> None:
    """Tell nothing of a trouble until then, None to tell it as usual; `ConfigError` where none such stands."""
    if until is not None and not why.strip():
        raise ConfigError("It is not said why this is put off.", remedy="Say why, so that others know.")
    said = (None, None) if until is None else (by, why.strip()[:_LONGEST])
    with installation.store.writing() as tx:
        stands = alerts.put_off(tx, key, until, *said)
    if not stands:
        raise ConfigError("This is not wrong any more.", remedy="Look at what stands now.")


def _carried(installation: Installation, ways: Sequence[Way], news: Sequence[News]) -> list[str]:
    """The ways that have carried the news; what went wrong on the others stands in the log."""
    carried = []
    for way in ways:
        with suppress(ConcordError), Run(installation.hub(), installation.hub().own_id, "alert", way.name) as run:
            way.send(news)
            run.counts = {"told": len(news)}
            carried.append(str(way))
    return carried


def ways_of(installation: Installation) -> list[Way]:
    """All ways to whoever is to hear."""
    alerting, settings, found = installation.alerting(), installation.settings, []
    if alerting.mail is not None and alerting.to:
        to = ", ".join(alerting.to)
        found.append(Way("mail", to, lambda news: _by_mail(installation, alerting, news)))
    if settings.alert_slack is not None:
        slack = settings.alert_slack.get_secret_value()
        found.append(Way("slack", "", lambda news: _post(slack, {"text": text_of(news, installation.clock())})))
    if settings.alert_webhook is not None:
        address = settings.alert_webhook.get_secret_value()
        found.append(Way("webhook", "", lambda news: _post(address, {"alerts": [_told(one) for one in news]})))
    return found


def _by_mail(installation: Installation, alerting: Alerting, news: Sequence[News]) -> str:
    hub = installation.hub()
    connection = mail_connection(hub, alerting.mail)
    if connection is None:
        raise ConfigError(
            f"The connection {alerting.mail} is not there, or rests.",
            remedy="Name one that sends as `alerts: {mail: …}`.",
        )
    first = news[0]
    more = f" and {len(news) - 1} more" if len(news) > 1 else ""
    subject = f"Concord · {_HEADS[first.what]}: {first.about.says}{more}"
    now = installation.clock()
    mails = [
        Message(f"alert-{hub.installation}-{now}-{to}", to, subject[:200], text_of(news, now)) for to in alerting.to
    ]
    refused = [one.error for one in sender(hub, connection, "alerts: {mail: …}").send(mails) if one.error is not None]
    if len(refused) == len(mails):
        raise refused[0]
    return f"{len(mails) - len(refused)} of {many(len(mails), 'address', 'addresses')} taken"


def text_of(news: Sequence[News], now: Instant) -> str:
    """The news as a person reads them."""
    return "\n\n".join(
        f"{_HEADS[one.what]}: {one.about.says}, since {when(one.about.since, now)}."
        + (f"\n{one.about.remedy}" if one.what != "over" and one.about.remedy else "")
        for one in news
    )


def _told(one: News) -> dict[str, Any]:
    about = one.about
    return {
        "what": one.what,
        "kind": about.kind,
        "connection": about.where or None,
        "says": about.says,
        "remedy": about.remedy,
        "since": iso(about.since),
        "over_at": iso(about.gone_at) if about.gone_at is not None else None,
    }


def _post(address: str, body: dict[str, Any]) -> str:
    """Post to a hook; whoever answers otherwise than well is asked again with the next look."""
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=False, verify=authorities()) as client:
            answer = client.post(address, json=body, extensions=watching(address))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"The hook cannot be reached: {type(error).__name__}.") from error
    if not answer.is_success:
        raise Unavailable(f"The hook answered {answer.status_code}.")
    return f"answered {answer.status_code}"
