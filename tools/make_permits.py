"""Writes docs/reference/permits.md from core/permits.py and the life-cycle table: `python -m tools.make_permits`."""

from __future__ import annotations

from pathlib import Path

from ersr.core.lifecycle import ACTIONS, Role
from ersr.core.permits import BANS, OFFICE, PERMITS, Relation, office, verdict

GOAL = Path(__file__).resolve().parent.parent / "docs/reference/permits.md"

HEAD = """# Who may do what

Made from `core/permits.py` by `python -m tools.make_permits`; a test says when it is not current. Web and API ask that table and nothing
else, and `tests/faces/test_permits_http.py` tries each cell over HTTP. Roles combine: one role that permits is enough, and a ban beats every
permission, whatever other roles the person has. A responder of the legal discipline has the roles responder and legal. Whoever may not read
a request gets the same answer as if it did not exist.

## About a request
"""

KEY = """
- **yes**: any of the authority's people with this role. For filers: their own party filed it, or it is the operator.
- **holder**: only who has the request (takes it first).
- **not author**: not who proposed the decision in question.
- **never**: banned.
- empty: not permitted.

| Action | Leads from | {roles} |
|---|---|{lines}|
"""

OFFICE_HEAD = """
## About the house

| Action | {roles} |
|---|{lines}|
"""


def cell(action: str, role: Role) -> str:
    """What the role says of the action, by itself; of a responder of the legal discipline, both roles together."""
    roles = {Role.LEGAL, Role.RESPONDER} if role is Role.LEGAL else {role}
    if any(action in BANS.get(r, ()) for r in roles):
        return "never"
    if role is Role.FILER:
        return "yes" if verdict(action, roles, {Relation.OWN}).allowed else ""
    free, holds, wrote = (
        verdict(action, roles, relation).allowed for relation in ({Relation.NONE}, {Relation.HOLDER}, {Relation.AUTHOR})
    )
    if free:
        return "yes" if wrote else "not author"
    return "holder" if holds else ""


def office_cell(action: str, role: Role) -> str:
    if action in BANS.get(role, ()):
        return "never"
    return "yes" if office(action, {role}).allowed else ""


def leads_from(action: str) -> str:
    if action not in ACTIONS:
        return "any state"
    return ", ".join(state.replace("_", " ") for state in sorted(ACTIONS[action].origin)) or "(new)"


def text() -> str:
    """The whole page."""
    roles = list(Role)
    words = {"roles": " | ".join(role.words for role in roles), "lines": "|".join("---" for _ in roles)}
    rows = [
        f"| `{action}` | {leads_from(action)} | {' | '.join(cell(action, role) for role in roles)} |"
        for action in (*ACTIONS, *(name for name in PERMITS if name not in ACTIONS))
    ]
    house = [f"| `{action}` | {' | '.join(office_cell(action, role) for role in roles)} |" for action in OFFICE]
    lines = [HEAD + KEY.format(**words) + "\n".join(rows) + "\n", OFFICE_HEAD.format(**words) + "\n".join(house) + "\n"]
    return "".join(lines)


if __name__ == "__main__":
    GOAL.write_text(text(), encoding="utf-8")
