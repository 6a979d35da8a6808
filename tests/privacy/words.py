"""What a release could say to break a page, a table or a formula."""

EVIL = [
    "<script>alert(1)</script>", "a | b | c", "`code` ``more``", "=HYPERLINK(\"http://x\",\"y\")", "[link](http://x)",
    "![picture](http://x/y.png)", "<img src=x onerror=alert(1)>", "| --- |", "*bold* _it_ ~~no~~", "$\\frac{a}{b$",
    "&lt;b&gt; &amp;", "a\\| b\\", "# heading", "- item", "<!-- comment", "javascript:alert(1)", "<http://x>", "@a #1",
    "\u202egnp.exe", "</td></tr></table>", "{{ 7*7 }}", "{kept}", "%s", "```\n<b>", "$$x$$",
]  # fmt: skip
