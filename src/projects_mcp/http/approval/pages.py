"""The pages as HTML. They work without a script; whatever somebody else wrote is escaped and set apart."""

from __future__ import annotations

from html import escape
from itertools import groupby
from operator import itemgetter
from typing import Final

from projects_mcp.http.approval.style import STYLE
from projects_mcp.sanitize.text import strip_invisible
from projects_mcp.state.approval import Approval, Status

__all__ = ["approval_page", "code_page", "escaped", "message_page", "whole_page"]

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
<p class="name">projects-mcp</p>
{content}
</main>
</body>
</html>
"""
_BY_NAME: Final = {
    True: "Approving here proves that somebody with a browser on this machine typed {}. It does not prove who.",
    False: "Approving here proves that somebody who had this code typed {} in a browser. It does not prove who.",
}
"""What typing the name, or the words, proves: on a page of this machine, and on a served one."""
_BY_PASSKEY: Final = (
    "<p>Only a passkey approves this call: a name that is typed is not enough.</p>"
    '{sign}<div class="buttons"><button name="decision" value="deny" formnovalidate>Deny</button></div>'
    '<p class="quiet">A passkey proves that an enrolled person saw exactly this, and agreed.</p>'
)
"""The form where a passkey is needed. The button for it takes the place of `{sign}`."""
_DECIDED: Final = {
    Status.GRANTED: (
        "Approved",
        "Nothing has happened yet. Make the same call again in your assistant: it goes through once, until {until}, if "
        "it is still about what is shown here.",
    ),
    Status.DENIED: (
        "Denied",
        "Nothing was changed. If your assistant makes the same call again, it is refused until {until}.",
    ),
    Status.USED: (
        "Approved, and used",
        "The call was made with this approval, which counts once. The answer in your assistant says what came of it.",
    ),
}
"""For each decision: the heading, and what it means."""
_PLAN_GRANTED: Final = (
    "Nothing has happened yet. Make the same call again until {until}, in your assistant or at your terminal: it "
    "begins, and later calls go on without asking. A project that others change meanwhile is left alone."
)
_MARKED: Final = frozenset({"What is lost", "Privacy", "Protected projects"})
"""Rows that nobody should read over."""


_ASKED: Final = {
    False: "An assistant has asked for this, and waits for you.",
    True: "An assistant, or a command, has planned this and waits for you. You can print this page.",
}


def approval_page(
    approval: Approval,
    *,
    minutes: int,
    token: str,
    this_machine: bool,
    error: str = "",
    typed: str = "",
    sign: str = "",
    listed: str = "",
) -> str:
    """Show an approval, with its form while it waits for a decision.

    Args:
        approval: what is shown.
        minutes: that are left, rounded down.
        token: of the form.
        this_machine: whether only somebody on this machine sees the page.
        error: what was wrong with a form that was sent.
        typed: the name as it was typed then.
        sign: what signs with a passkey, as HTML.
        listed: every project of a plan, as HTML.
    """
    what = _what(approval)
    if approval.status is not Status.WAITING:
        heading, meaning = _DECIDED[approval.status]
        if approval.is_plan and approval.status is Status.GRANTED:
            meaning = _PLAN_GRANTED
        meant = escaped(meaning.format(until=approval.ends))
        content = f'<h1>{escaped(f"{heading}: {what}")}</h1><p role="status">{meant}</p>{_rows(approval)}{listed}'
        return whole_page(f"{heading}: {what}", content)
    form = (
        _BY_PASSKEY.replace("{sign}", sign)
        if approval.passkey
        else _by_name(approval, typed, error, this_machine=this_machine)
    )
    left = "less than a minute" if minutes < 1 else f"{minutes} minute{'' if minutes == 1 else 's'}"
    content = (
        f"<h1>{escaped(f'{what}?')}</h1>"
        f"{_alert(error) if approval.passkey else ''}"
        f"<p>{_ASKED[approval.is_plan]} Approve it only if you want exactly this to happen.</p>"
        f"{_rows(approval)}{listed}"
        f"<p>You have <strong>{left}</strong>. If you do nothing, nothing is changed.</p>"
        "<h2>Your decision</h2>"
        f'<form method="post" autocomplete="off"><input type="hidden" name="token" value="{escape(token)}">'
        f"{form}"
        "</form>"
    )
    return whole_page(("Error: " if error else "") + f"{what}?", content)


def code_page(error: str = "") -> str:
    """Show the form for a code."""
    wrong = ' aria-invalid="true" aria-describedby="error" autofocus' if error else " autofocus"
    content = (
        "<h1>Open an approval</h1>"
        f"{_alert(error)}"
        "<p>Your assistant has shown you a code for a call that waits for you.</p>"
        '<form method="post" autocomplete="off"><label for="code">Code, such as 7F3K-9QWX</label>'
        f'<input id="code" name="code" required maxlength="40" autocapitalize="characters" spellcheck="false"{wrong}>'
        '<div class="buttons"><button>Show the call</button></div></form>'
    )
    return whole_page("Open an approval", content)


def message_page(title: str, sentences: str, link: str = "") -> str:
    """Show a message, with a link to the form for a code if there is its address."""
    way_on = f'<p><a href="{escape(link)}">Enter a code</a></p>' if link else ""
    return whole_page(title, f'<h1>{escaped(title)}</h1><p role="alert">{escaped(sentences)}</p>{way_on}')


def whole_page(title: str, content: str) -> str:
    """Return a whole page.

    Args:
        title: of it, as text.
        content: as HTML.
    """
    return _PAGE.format(title=f"{escaped(title, apart=False)} · projects-mcp", style=STYLE, content=content)


def _what(approval: Approval) -> str:
    """Say what the call does, in a few words."""
    shown = dict(approval.lines)
    what = f"{shown.get('Action', approval.tool)} {shown.get('Project', '')}".strip()
    return f"{what[:1].upper()}{what[1:]}"


def _rows(approval: Approval) -> str:
    """Show each row: together they are the text that a passkey signs. Rows of one label stand under it as a list."""
    rows = []
    for label, group in groupby(approval.rows, key=itemgetter(0)):
        kind = ' class="lost"' if label in _MARKED else ""
        values = "".join(f"<dd>{_value(label, value)}</dd>" for _, value in group)
        rows.append(f"<div{kind}><dt>{escaped(label, apart=False)}</dt>{values}</div>")
    return f"<dl>{''.join(rows)}</dl>"


def _value(label: str, value: str) -> str:
    return f'<time datetime="{escape(value)}">{escaped(value)}</time>' if label == "Until" else escaped(value)


def _by_name(approval: Approval, typed: str, error: str, *, this_machine: bool) -> str:
    state = ' aria-invalid="true" aria-describedby="hint error" autofocus' if error else ' aria-describedby="hint"'
    words = f"these words: {escaped(approval.phrase)}" if approval.is_plan else "the exact name of the project"
    hint = (
        "Exactly as they stand here."
        if approval.is_plan
        else "Without the quotation marks around it; capitals and spaces count."
    )
    proof = _BY_NAME[this_machine].format("these words" if approval.is_plan else "the name")
    return (
        f"{_alert(error)}"  # beside the field that has the focus, also on a small screen
        f'<label for="name">To approve, type {words}</label>'
        f'<p class="quiet" id="hint">{hint}</p>'
        f'<input id="name" name="name" required autocapitalize="none" autocorrect="off" spellcheck="false"'
        f' value="{escaped(typed, apart=False)}"{state}>'
        '<div class="buttons"><button class="approve" name="decision" value="approve">Approve</button>'
        '<button name="decision" value="deny" formnovalidate>Deny</button></div>'
        f'<p class="quiet">{proof}</p>'
    )


def _alert(error: str) -> str:
    return f'<p class="alert" id="error" role="alert">{escaped(error)}</p>' if error else ""


def escaped(text: str, *, apart: bool = True) -> str:
    """Escape a text, with what cannot be seen replaced, and its direction kept from the text around it."""
    plain = escape(strip_invisible(text))
    return f"<bdi>{plain}</bdi>" if apart else plain
