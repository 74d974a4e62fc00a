"""How the pages look: one style sheet inside each page, which its hash allows and nothing else."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Final

__all__ = ["STYLE", "STYLE_SOURCE"]

STYLE: Final = """
:root{color-scheme:light dark;--ground:#f5f6f8;--sheet:#fff;--text:#16191d;--quiet:#4b5563;--line:#c9ced6;
--edge:#6b7280;--danger:#a51d1d;--warned:#fdecec;--focus:#1447c8}
@media (prefers-color-scheme:dark){:root{
--ground:#121417;--sheet:#1c2025;--text:#eceff3;--quiet:#b3bbc6;--line:#3b424c;
--edge:#8b95a3;--danger:#ff9d97;--warned:#3a1b1c;--focus:#8fb4ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
main{max-width:42rem;margin:0 auto;padding:1.25rem 1rem 3rem}
.name{margin:0 0 .75rem;color:var(--quiet);font-size:.9rem}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25;overflow-wrap:anywhere}
h2{margin:1.5rem 0 .5rem;font-size:1.1rem}
p{margin:.5rem 0;overflow-wrap:anywhere}
dl{margin:1rem 0;padding:0 1rem;background:var(--sheet);border:1px solid var(--line);border-radius:.5rem}
dl div{padding:.6rem 0;border-top:1px solid var(--line)}
dl div:first-child{border-top:0}
dt{color:var(--quiet);font-size:.9rem}
dd{margin:0;overflow-wrap:anywhere}
dd+dd{margin-top:.35rem}
.lost{margin:0 -1rem;padding:.6rem 1rem .6rem .65rem;background:var(--warned);border-left:.35rem solid var(--danger)}
.lost dt{color:var(--danger);font-weight:700}
.lost+div{border-top-color:transparent}
.plan h2{margin-top:1rem}
.all{max-height:26rem;overflow:auto;background:var(--sheet);border:1px solid var(--line);border-radius:.5rem}
table{width:100%;border-collapse:collapse;font-size:.9rem}
th,td{padding:.4rem .75rem;text-align:left;vertical-align:top;border-top:1px solid var(--line);overflow-wrap:anywhere}
thead th{position:sticky;top:0;background:var(--sheet);color:var(--quiet);border-top:0}
tbody th{width:40%;font-weight:400}
td p{margin:0}
.alert{margin:1rem 0;padding:.75rem 1rem;background:var(--warned);border:2px solid var(--danger);border-radius:.5rem}
.quiet{color:var(--quiet)}
label{display:block;font-weight:700}
input{display:block;width:100%;min-height:3rem;margin:.35rem 0 0;padding:.5rem .75rem;font:inherit;color:var(--text);
background:var(--sheet);border:2px solid var(--edge);border-radius:.5rem}
.buttons{display:grid;grid-template-columns:1fr 1fr;gap:.75rem;margin:1rem 0}
button{min-height:3.25rem;padding:.5rem 1rem;font:inherit;font-weight:700;border-radius:.5rem;
border:2px solid var(--edge);background:var(--sheet);color:var(--text);cursor:pointer;touch-action:manipulation}
button.approve{border-color:var(--danger);color:var(--danger)}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
a{color:var(--focus)}
@media (min-width:40rem){main{padding-top:2.5rem}
dl div{display:grid;grid-template-columns:9rem 1fr;gap:0 1rem}dd{grid-column:2}dt{font-size:1rem}}
@media (max-width:22rem){.buttons{grid-template-columns:1fr}}
@media print{:root{color-scheme:light;--ground:#fff;--sheet:#fff;--text:#000;--quiet:#333;--line:#999;--edge:#333;
--danger:#8b0000;--warned:#fff}
form,main>h2,.alert{display:none}main{max-width:none;padding:0}h1{break-after:avoid}dl div,tr{break-inside:avoid-page}
.all{max-height:none;overflow:visible;border:0}thead th{position:static}table{font-size:.75rem;line-height:1.3}
th,td{padding:.15rem .5rem}}
"""
STYLE_SOURCE: Final = f"'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
"""The style sheet as a source of a content security policy."""
