"""dlt reads the same pages: run by the Python of `.venv-bench`, so it imports nothing of ours.

`dlt_load.py URL DESTINATION FOLDER PASS…` prints a line of JSON for each pass (`first`, `same`, `changed`) with its
seconds and the rows there are afterwards. dlt's REST client and paginator read; its settings are the defaults, but for
the loader's file format, which is the fastest that each destination takes.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

DISPOSITIONS: dict[str, Any] = {
    "duckdb-merge": "merge",
    "duckdb-replace": "replace",
    "duckdb-incremental": "merge",
    "sqlite-scd2": {"disposition": "merge", "strategy": "scd2"},
    "postgres-upsert": {"disposition": "merge", "strategy": "upsert"},
}

FORMATS = {"duckdb": "jsonl", "postgres": "csv"}
"""dlt's default, INSERT statements, takes DuckDB 2.0 five times as long."""


def destination(name: str, folder: Path) -> Any:
    """Where dlt loads to: files in the folder, or the database whose address (with a password) is BENCH_POSTGRES."""
    if name.startswith("duckdb"):
        return dlt.destinations.duckdb(str(folder / "bench.duckdb"))
    if name.startswith("sqlite"):
        return dlt.destinations.sqlalchemy(f"sqlite:///{folder / 'bench.db'}")
    return dlt.destinations.postgres(os.environ["BENCH_POSTGRES"])


def contacts(url: str, name: str) -> Any:
    """The resource: pages of 100, told apart by id; `incremental` drops rows whose stamp has not moved."""
    client = RESTClient(
        base_url=url,
        paginator=JSONResponseCursorPaginator(cursor_path="next", cursor_param="after"),
        data_selector="results",
    )
    newer = dlt.sources.incremental("modified_at") if name.endswith("incremental") else None
    keys = {"primary_key": "id"} if not name.endswith("scd2") else {}

    @dlt.resource(name="contacts", write_disposition=DISPOSITIONS[name], **keys)
    def pages(modified_at: Any = newer) -> Any:
        yield from client.paginate("contacts", params={"limit": 100})

    return pages


def main(url: str, name: str, folder: Path, passes: list[str]) -> None:
    """Run the passes one after the other on one pipeline, as a schedule would."""
    os.chdir(folder)
    pipeline = dlt.pipeline(
        "bench", destination=destination(name, folder), dataset_name="crm", pipelines_dir=str(folder / "pipelines")
    )
    revision, written = 0, FORMATS.get(name.partition("-")[0])
    for one in passes:
        revision += one == "changed"
        urllib.request.urlopen(f"{url}/revision/{revision}").close()  # noqa: S310 - our own server on loopback
        began, worked = time.perf_counter(), time.process_time()
        pipeline.run(contacts(url, name), loader_file_format=written).raise_on_failed_jobs()
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        with pipeline.sql_client() as client:
            rows = client.execute_sql(f"SELECT count(*) FROM {client.make_qualified_table_name('contacts')}")
        print(json.dumps({"pass": one, "seconds": seconds, "cpu": cpu, "rows": rows[0][0] if rows else 0}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
