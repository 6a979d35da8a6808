"""Severity from reports (results/severity)."""

from pydantic import Field

from cxrfactory.config.sections import LocalPath, Section


class SeverityConfig(Section):
    """What reports say about findings that masks can measure (results/severity)."""

    findings: LocalPath | None = Field(
        None,
        description="Table of the findings and their words (.yaml), in the form of the package's own, which null "
        "takes.",
    )
    cues: LocalPath | None = Field(
        None,
        description="Table of the words of denial, doubt, change and grade (.yaml), in the form of the package's own, "
        "which null takes.",
    )

    def tables(self) -> list[str]:
        """Return the tables of phrases that the config names, as files."""
        return [path for path in (self.findings, self.cues) if path is not None]
