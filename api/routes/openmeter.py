"""/api/v1/meters: meters as OpenMeter's SDKs make, list and query them: each a meter of ours, and a rule for events."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, delete, get, post
from litestar.params import JSONBody, PathParameter, QueryParameter

from api.auth import may, own_filters
from api.errors import problems
from api.etag import tagged
from api.formats import MEDIA_TYPES, Format, format_of
from api.given import TheActor, TheCaller, TheShell, TheTeam
from api.idempotency import Retry, once
from api.meter_view import shown as shown_meter
from api.openapi import FORMS
from api.openmeter_view import (
    OpenMeterAnswer,
    OpenMeterMeter,
    OpenMeterNewMeter,
    OpenMeterQuery,
    OpenMeterWindow,
    OrderBy,
    check_supported,
    defined,
    filters_of,
    groups_of,
    label_of,
    ordered,
    plain_rules,
    query_of,
    rendered,
    rule_of,
    shown,
    with_rule,
    without_rules,
    written_filter,
)
from api.query import OPEN, declared
from api.questions import instant_of
from api.request import Request
from api.routes.mapping import MappingView
from api.routes.meters import Slug, check_hands
from api.state import Shell
from meter import audit, meters, occurring
from meter.audit import Actor
from meter.database import Connection
from meter.errors import (
    BodyTooLarge,
    IdempotencyConflict,
    InvalidBody,
    InvalidMapping,
    InvalidMeter,
    InvalidParameter,
    MeterExists,
    NotFound,
    RawDataGone,
    UnknownMeter,
    UnsupportedEncoding,
)
from meter.ingest import load_meters
from meter.labels import check_bounded, check_known
from meter.mapping import store
from meter.mapping.rules import Document
from meter.mapping.store import Kept
from meter.meter_rules import definition_of
from meter.meter_times import first_used, times_of
from meter.model import Caller, Team
from meter.occurring import Wanted
from meter.usage import EARLIEST, MANY, read

PATH = "/api/v1/meters/{slug:str}"
SERVED: tuple[Format, ...] = ("json", "csv")
IN_FORMS = {FORMS: tuple(MEDIA_TYPES[form] for form in SERVED)}
MOST_VALUES = 10_000
FILTER = re.compile(r"filterGroupBy\[([^\[\]]{1,63})\]")
ADVANCED = "advancedMeterGroupByFilters"

PageNumber = Annotated[int, QueryParameter(name="page", ge=1, le=1_000_000)]
PageSize = Annotated[int, QueryParameter(name="pageSize", ge=1, le=1_000)]
Order = Annotated[Literal["ASC", "DESC"], QueryParameter(name="order")]
Deleted = Annotated[
    bool, QueryParameter(name="includeDeleted", description="Archived ones that still have a rule too.")
]
By = Annotated[OrderBy, QueryParameter(name="orderBy")]
Start = Annotated[
    str | None,
    QueryParameter(name="from", max_length=300, description="RFC 3339 with a zone. Default: since it is used."),
]
End = Annotated[
    str | None, QueryParameter(max_length=300, description="The instant after the last one counted; as `from`.")
]
Size = Annotated[
    OpenMeterWindow | None, QueryParameter(name="windowSize", description="HOUR, DAY or MONTH; MINUTE is refused.")
]
ZoneName = Annotated[
    str | None, QueryParameter(name="windowTimeZone", max_length=300, description="IANA zone of windows; default: UTC.")
]
Subjects = Annotated[
    list[str] | None, QueryParameter(name="subject", description="Only of these members, and grouped by them.")
]
Groups = Annotated[
    list[str] | None, QueryParameter(name="groupBy", description="subject, or a dimension; repeat it for several.")
]
Filters = Annotated[
    str | None,
    QueryParameter(
        name="filterGroupBy",
        description="{'model': 'x'}, as OpenMeter's Python SDK writes it; others send filterGroupBy[model]=x.",
    ),
]
Client = Annotated[str | None, QueryParameter(name="clientId", max_length=300, description="Taken, and not used.")]
Customers = Annotated[list[str] | None, QueryParameter(name="filterCustomerId", description="Not supported: refused.")]
Advanced = Annotated[str | None, QueryParameter(name=ADVANCED, description="Not supported: refused.")]
Key = Annotated[str, PathParameter(description="A dimension of the meter, or subject.", max_length=63)]


@get("/api/v1/meters", guards=[may("view_catalogue")], responses=problems(NotFound), tags=["collectors"])
async def list_openmeter_meters(
    team: TheTeam,
    shell: TheShell,
    page_: PageNumber = 1,
    page_size: PageSize = 100,
    order: Order = "ASC",
    order_by: By = "key",
    include_deleted: Deleted = False,  # noqa: FBT002 (a query parameter)
) -> list[OpenMeterMeter]:
    """List the meters that a rule of the team's mapping for one plain type of event counts to, as OpenMeter does."""
    async with shell.pool.connection() as conn:
        found = await _shown(conn, team)
    kept = [each for each in found.values() if include_deleted or not each.deleted_at]
    listed = ordered(kept, order_by)[:: -1 if order == "DESC" else 1]
    return listed[(page_ - 1) * page_size : page_ * page_size]


@get(PATH, guards=[may("view_catalogue")], responses=problems(NotFound, UnknownMeter), tags=["collectors"])
async def get_openmeter_meter(slug: Slug, team: TheTeam, shell: TheShell) -> OpenMeterMeter:
    """Show a meter that a rule for one plain type of event counts to."""
    async with shell.pool.connection() as conn:
        found = await _shown(conn, team)
    return _found(found, slug)


@post(
    "/api/v1/meters",
    guards=[may("manage_meters")],
    responses=problems(
        NotFound,
        InvalidBody,
        InvalidMeter,
        InvalidMapping,
        MeterExists,
        IdempotencyConflict,
        BodyTooLarge,
        UnsupportedEncoding,
    ),
    tags=["collectors"],
)
async def create_openmeter_meter(
    data: JSONBody[OpenMeterNewMeter], team: TheTeam, actor: TheActor, retry: Retry, shell: TheShell
) -> Response[OpenMeterMeter]:
    """Make a meter of the team, and the rule of its mapping by which events of a type count to it, both or neither.

    It counts what is sent from now on. Where events of the type counted to a meter of that name without a rule, they
    count by the rule alone from now on. Needs no more than making a meter: the mapping is changed by this rule only.
    """
    said, rule = defined(data), rule_of(data)
    async with shell.pool.connection() as conn:

        async def make() -> OpenMeterMeter:
            await store.lock(conn, team.id)
            meter = await meters.create(conn, team.id, said, actor.at)
            subject = audit.of(team, "meter", meter.slug)
            await audit.record(conn, actor, "meter.create", subject, None, shown_meter(meter))
            before = await store.get(conn, team.id)
            await _remap(conn, team, actor, before, with_rule(before.document, rule))
            return shown(meter, rule, (await times_of(conn, team.id, [meter.slug]))[meter.slug])

        return await once(conn, retry, make, actor.at)


@delete(PATH, guards=[may("manage_meters")], responses=problems(NotFound, UnknownMeter), tags=["collectors"])
async def delete_openmeter_meter(
    slug: Slug, team: TheTeam, caller: TheCaller, actor: TheActor, shell: TheShell
) -> None:
    """Archive a meter and take the rules for events that count to it out of the mapping; its usage stays readable."""
    async with shell.pool.connection() as conn, conn.transaction():
        await store.lock(conn, team.id)
        _found(await _shown(conn, team), slug)
        locked = await meters.lock(conn, team.id, slug)
        said = definition_of(locked)
        check_hands(caller, said)
        meter = await meters.change(conn, team.id, locked, msgspec.structs.replace(said, archived=True), actor.at)
        if meter.version != locked.version:
            subject = audit.of(team, "meter", slug)
            await audit.record(conn, actor, "meter.archive", subject, shown_meter(locked), shown_meter(meter))
        before = await store.get(conn, team.id)
        await _remap(conn, team, actor, before, without_rules(before.document, slug))


@get(
    f"{PATH}/query",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    opt=IN_FORMS | OPEN,
    tags=["collectors"],
)
async def query_openmeter_meter(  # noqa: PLR0913, PLR0917 (a query parameter each)
    slug: Slug,
    request: Request,
    team: TheTeam,
    caller: TheCaller,
    shell: TheShell,
    from_: Start = None,
    to: End = None,
    window_size: Size = None,
    window_time_zone: ZoneName = None,
    subject: Subjects = None,
    group_by: Groups = None,
    filter_group_by: Filters = None,
    client_id: Client = None,
    filter_customer_id: Customers = None,
    advanced: Advanced = None,
) -> Response[OpenMeterAnswer]:
    """Usage of any meter of the team by window, subject and dimension, as OpenMeter's SDKs ask: exact, as JSON or CSV.

    Without `from` it is all since the first day of use, without `to` all up to the end of the present window (a quarter
    of an hour without one). The first and the last window are cut at `from` and `to`; windows without usage are left
    out. With X-User-ID of a member it is about their own usage.
    """
    asked = OpenMeterQuery(
        client_id=client_id,
        from_=from_,
        to=to,
        window_size=window_size,
        window_time_zone=window_time_zone,
        subject=subject,
        group_by=group_by,
        filter_group_by=_filters(request, filter_group_by),
        filter_customer_id=filter_customer_id,
        advanced_meter_group_by_filters=None if advanced is None else {},
    )
    body, form = await _answer(request, shell, (team, caller), slug, asked)
    return tagged(request, body, MEDIA_TYPES[form])


@post(
    f"{PATH}/query",
    status_code=200,
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone, InvalidBody, BodyTooLarge, UnsupportedEncoding),
    opt=IN_FORMS,
    tags=["collectors"],
)
async def post_openmeter_query(
    slug: Slug,
    request: Request,
    team: TheTeam,
    caller: TheCaller,
    shell: TheShell,
    data: JSONBody[OpenMeterQuery | None] = None,
) -> Response[OpenMeterAnswer]:
    """Usage of a meter as `GET` answers it, asked in a body, which may be empty: all of it then."""
    body, form = await _answer(request, shell, (team, caller), slug, data or OpenMeterQuery())
    answer: Response[Any] = Response(body, media_type=MEDIA_TYPES[form])  # bytes are sent as they are
    return answer


@get(
    f"{PATH}/subjects",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    tags=["collectors"],
)
async def list_openmeter_subjects(
    slug: Slug, team: TheTeam, caller: TheCaller, shell: TheShell, from_: Start = None, to: End = None
) -> list[str]:
    """List the members who have usage of a meter, in a range or ever."""
    return await _values(shell, (team, caller), slug, "subject", (from_, to))


@get(
    f"{PATH}/group-by/{{key:str}}/values",
    guards=[may("view_usage")],
    responses=problems(NotFound, UnknownMeter, RawDataGone),
    tags=["collectors"],
)
async def list_openmeter_values(
    slug: Slug, key: Key, team: TheTeam, caller: TheCaller, shell: TheShell, from_: Start = None, to: End = None
) -> list[str]:
    """List the values that a dimension of a meter has, in a range or ever."""
    return await _values(shell, (team, caller), slug, key, (from_, to))


async def _shown(conn: Connection, team: Team) -> dict[str, OpenMeterMeter]:
    """All meters of a team that OpenMeter has a word for, by slug."""
    known = await load_meters(conn, team.id)
    rules = plain_rules((await store.get(conn, team.id)).document, known)
    times = await times_of(conn, team.id, rules)
    return {slug: shown(known[slug], rule, times[slug]) for slug, rule in rules.items()}


def _found(found: dict[str, OpenMeterMeter], slug: str) -> OpenMeterMeter:
    if slug not in found:
        raise UnknownMeter(
            f"no rule for one type of event counts to a meter {slug[:64]!r}; GET /api/v1/meters lists those"
        )
    return found[slug]


async def _remap(conn: Connection, team: Team, actor: Actor, before: Kept, document: Document) -> None:
    """Makes this the mapping of the team, which is locked, and writes it down."""
    after = await store.put(conn, team.id, document, await load_meters(conn, team.id), actor.at)
    subject = audit.of(team, "mapping", team.public_id)
    await audit.record(conn, actor, "mapping.change", subject, _view(before), _view(after))


def _view(kept: Kept) -> MappingView:
    return MappingView(kept.version, kept.changed_at, kept.document)


def _filters(request: Request, written: str | None) -> dict[str, list[str]] | None:
    """The filters by dimension in a query, in both ways to write them. Raises InvalidParameter for unknown names."""
    found = {} if written is None else written_filter(written)
    for name, values in request.query_params.dict().items():
        filtered = FILTER.fullmatch(name)
        if filtered:
            found.setdefault(filtered[1], []).extend(values)
        elif name.startswith(f"{ADVANCED}["):
            check_supported(OpenMeterQuery(advanced_meter_group_by_filters={}))
        elif name not in declared(request):
            raise InvalidParameter(
                f"{name[:64]!r} is no parameter of this address; filter by filterGroupBy[name]=value"
            )
    return found or None


async def _answer(
    request: Request, shell: Shell, asker: tuple[Team, Caller], slug: str, asked: OpenMeterQuery
) -> tuple[bytes, Format]:
    """The answer in the form that Accept asks for."""
    team, caller = asker
    check_supported(asked)
    own, groups = own_filters(caller, filters_of(asked)), groups_of(asked)
    check_bounded(own)
    async with shell.readers.connection() as conn:
        meter = await meters.get(conn, team.id, slug)
        check_known((*groups, *(each.name for each in own)), meter)
        first = await first_used(conn, team.id, meter.id) if asked.from_ is None else None
        query = query_of(asked, slug, own, shell.clock(), first)
        unused = asked.from_ is None and query.start == query.end
        usage = None if unused else await read(conn, team, query)
    form = format_of(request, None, SERVED)
    many = usage is not None and len(usage.readings[0].items) > MANY
    said = (asked, query, usage, form == "csv")
    return await asyncio.to_thread(rendered, *said) if many else rendered(*said), form


async def _values(
    shell: Shell, asker: tuple[Team, Caller], slug: str, key: str, ends: tuple[str | None, str | None]
) -> list[str]:
    """The values of a dimension, or the members, of a meter's usage as far as the caller may see it."""
    (team, caller), (from_, to), now = asker, ends, shell.clock()
    between = None if from_ is None and to is None else (_instant("from", from_, EARLIEST), _instant("to", to, now))
    query = occurring.Query(meters=(slug,), filters=own_filters(caller, ()), between=between)
    async with shell.readers.connection() as conn:
        check_known((label_of(key),), await meters.get(conn, team.id, slug))
        found = (await occurring.values(conn, team, query, Wanted(label_of(key)), MOST_VALUES + 1)).values
    if len(found) > MOST_VALUES:
        raise InvalidParameter(f"more than {MOST_VALUES} values; GET /v1/usage/dimensions lists them page by page")
    return [each.value for each in found]


def _instant(name: str, text: str | None, usual: datetime) -> datetime:
    return usual if text is None else instant_of(name, text, ZoneInfo("UTC"))


HANDLERS = (
    list_openmeter_meters,
    get_openmeter_meter,
    create_openmeter_meter,
    delete_openmeter_meter,
    query_openmeter_meter,
    post_openmeter_query,
    list_openmeter_subjects,
    list_openmeter_values,
)
