"""`concord connector new NAME`: a new connector's folder, copied from the template, which keeps the contract at once.

What is copied is a real connector with a stand-in (`_kit/template`), so that the first step is to change
something that works. Nothing is overwritten, and nothing is left behind when it cannot be finished.
"""

from __future__ import annotations

import keyword
import re
import shutil
from pathlib import Path

from connectors._kit.catalogue import HOUSE, refresh
from core.errors import ConfigError

TEMPLATE = Path(__file__).parent / "template"
_RENAMED = {"check_template.py": "test_{name}.py", "__init__.py": "__init__.py"}


def scaffold(name: str, *, title: str | None = None, house: Path = HOUSE) -> list[Path]:
    """Make the folder and the mapping of a new connector; gives the files made.

    `ConfigError` for a name that cannot be one, or that is taken; then nothing was made.
    """
    _check_name(name)
    folder, mapping = house / name, house.parent / "mappings" / f"{name}.yaml"
    taken = next((path for path in (folder, mapping) if path.exists()), None)
    if taken is not None:
        raise ConfigError(f"{taken} exists already.", remedy="Choose another name, or remove it first.")
    spoken = title or name.replace("_", " ").title()
    texts = {_place(source, name, folder, mapping): _told(source, name, spoken) for source in _sources()}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        mapping.unlink(missing_ok=True)
        raise ConfigError(f"The connector cannot be written: {error.strerror}.") from error
    refresh()
    return sorted(texts)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", name) or keyword.iskeyword(name) or name == "template":
        raise ConfigError(
            f"'{name}' cannot be a connector's name.",
            remedy="Use small letters, digits and _, beginning with a letter, e.g. `acme_crm`.",
        )


def _sources() -> list[Path]:
    found = (path for path in TEMPLATE.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return sorted(path for path in found if "__pycache__" not in path.parts)


def _place(source: Path, name: str, folder: Path, mapping: Path) -> Path:
    if source.name == "mapping.yaml":
        return mapping
    inside = source.relative_to(TEMPLATE)
    return folder / inside.with_name(_RENAMED.get(source.name, source.name).format(name=name))


def _told(source: Path, name: str, title: str) -> str:
    """The template's text about the new tool."""
    if source.name == "__init__.py":
        return f'"""The connector for {title}."""\n'
    text = re.sub(r"# ruff: noqa.*\n", "", source.read_text(encoding="utf-8"))
    text = text.replace("connectors._kit.template", f"connectors.{name}")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    text = re.sub(r"Template(?=Connector|Sandbox|Harness)|(?<=Test)Template", class_name, text)
    return text.replace("Template", title).replace("template", name)
