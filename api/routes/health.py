"""GET /v1/health: can this service do its work now?"""

from __future__ import annotations

from typing import Literal

import msgspec
import psycopg
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from psycopg_pool import PoolTimeout

from api.given import TheShell
from api.query import OPEN
from api.state import Shell
from meter.lag import lag
from meter.migrate import MigrationError, check_current

ANSWER_WITHIN_S = 2.0
Status = Literal["ok", "database_unreachable", "schema_not_current"]


class Health(msgspec.Struct, frozen=True):
    """Whether it can work, and how long touched buckets have waited for the worker; null where nobody can tell.

    A lag that grows means that no worker runs. Answers about usage are complete all the same.
    """

    status: Status
    bucket_lag_seconds: float | None


@get(
    "/v1/health",
    security=[{}],
    responses={503: ResponseSpec(Health, generate_examples=False, description="It can't work now.")},
    tags=["operation"],
    opt=OPEN,
)
async def health(shell: TheShell) -> Response[Health]:
    """Tell whether the database answers and has the schema of this version; 503 when not."""
    found = await examine(shell)
    return Response(found, status_code=200 if found.status == "ok" else 503)


async def examine(shell: Shell) -> Health:
    """The health of the service, found out within seconds."""
    try:
        async with shell.pool.connection(timeout=ANSWER_WITHIN_S) as conn:
            await check_current(conn)
            return Health("ok", (await lag(conn, shell.clock())).total_seconds())
    except (psycopg.OperationalError, PoolTimeout):
        return Health("database_unreachable", None)
    except MigrationError:
        return Health("schema_not_current", None)


HANDLERS = (health,)
