"""Agreement of grades and of values between two tables (results/agreement)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cxrfactory.config.sections import LocalPath, Section

DEFAULT_WORDS = ("borderline=mild",)
Names = Annotated[list[str], Field(min_length=1)]


class AgreementTestConfig(Section):
    """How the grades of two tables are compared: names of columns and grades, and the bootstrap."""

    findings: Names = Field(
        ["ctr_rows=cardiomegaly", "scd=scoliosis", "kyphosis=kyphosis"],
        description="Pairs MEASUREMENT=FINDING to compare: a name in measured_item and one in reference_item.",
    )
    grades: Annotated[list[str], Field(min_length=2)] = Field(
        ["negative", "mild", "moderate", "severe"],
        description="Names of the grades in ascending order; the first one says that the finding is absent.",
    )
    words: list[str] = Field(
        list(DEFAULT_WORDS),
        description="Other words for grades, each WORD=GRADE, such as normal=negative or marked=severe. The default is "
        "without effect on grades of other names.",
    )
    unspecified: list[str] = Field(
        ["unspecified"],
        description="Words for a finding that is present without a grade. Such cases count in the binary measures and "
        "ROC curves alone.",
    )
    measured_key: Names = Field(
        ["image_id"],
        description="Columns that identify an image in the measured table, together with measured_item. The column "
        "dataset may be absent; the name of the file then stands for it.",
    )
    measured_item: str | None = Field(
        "measurement", description="Column with the name of the measurement; null for a table of one measurement."
    )
    measured_grade: str = Field("grade", description="Column with the grade in the measured table and in answers.")
    measured_value: str | None = Field(
        "value", description="Column with the measured value, for ROC curves and violins; null for a table without one."
    )
    reference_key: Names = Field(
        ["study_id"], description="Columns that identify a report in the reference table, together with reference_item."
    )
    reference_item: str | None = Field(
        "finding",
        description="Column with the name of the finding in the reference table and in answers; null for tables of one "
        "finding.",
    )
    reference_grade: str = Field("grade", description="Column with the grade in the reference table.")
    polarities: list[str] = Field(
        ["present", "absent"],
        description="Values of the column polarity whose rows of the reference are compared, where it has this column; "
        "others, such as uncertain, are left out and counted.",
    )
    patient: str = Field(
        "patient_id",
        description="Column with the patient, in the links, the measured or the reference table. Cases without a "
        "patient count as one patient each.",
    )
    repeated: Literal["refuse", "highest"] = Field(
        "refuse",
        description="What happens if a key occurs several times with one finding: refuse ends with an error, highest "
        "takes the highest grade and the value of its row.",
    )
    resamples: int = Field(2000, ge=1, description="Number of resamples of the bootstrap intervals.")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap.")

    def grade_of_word(self) -> dict[str, str]:
        """Return the grades of the other words."""
        known = [grade.strip().casefold() for grade in self.grades]
        pairs = [tuple(part.strip() for part in word.split("=", 1)) for word in self.words]
        return {word: grade for word, grade in pairs if grade.casefold() in known}

    @model_validator(mode="after")
    def _names_fit(self) -> "AgreementTestConfig":
        for field, form in (("findings", "MEASUREMENT=FINDING"), ("words", "WORD=GRADE")):
            pairs = getattr(self, field)
            for pair in pairs:
                name, _, value = pair.partition("=")
                if not (name.strip() and value.strip()):
                    raise ValueError(f"{field} holds {pair!r:.80}; expected {form}")
            names = [pair.partition("=")[0].strip().casefold() for pair in pairs]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise ValueError(f"{twice!r:.80} occurs twice in {field}; name it once")
        known = [grade.strip().casefold() for grade in self.grades]
        if twice := next((name for name in known if known.count(name) > 1 or not name), None):
            raise ValueError(f"{twice!r:.80} occurs twice in grades; name each grade once")
        if "" in known:
            raise ValueError("grades hold an empty name; expected names of grades")
        for word in () if self.words == list(DEFAULT_WORDS) else self.words:
            name, _, grade = word.partition("=")
            if grade.strip().casefold() not in known:
                raise ValueError(f"words holds {word!r:.80}; expected a name in grades after '='")
            if name.strip().casefold() in known:
                raise ValueError(f"words holds {word!r:.80}, which begins with a grade; expected another word for it")
        taken = {*known, *(word.partition("=")[0].strip().casefold() for word in self.words)}
        if twice := next((word for word in self.unspecified if word.strip().casefold() in taken), None):
            raise ValueError(f"unspecified holds {twice!r:.80}, which grades or words name too; expected another word")
        if len(self.findings) > 1 and (self.measured_item is None or self.reference_item is None):
            raise ValueError(
                "findings names several pairs, but measured_item or reference_item is null; expected the columns that "
                "tell them apart, or one pair"
            )
        return self


class AgreementConfig(AgreementTestConfig):
    """Agreement of measured grades with those of reports, and of other systems' answers (results/agreement)."""

    measured: LocalPath | None = Field(
        None, description="Table of measured grades and values (CSV or Parquet); by default results/measure."
    )
    reference: list[LocalPath] = Field(
        [], description="Tables of reference grades (CSV or Parquet); by default those of the reports' severity."
    )
    links: list[LocalPath] = Field(
        [],
        description="Tables with the columns of both keys and the patient; by default the manifests of the releases "
        "with reports.",
    )
    answers: dict[str, LocalPath] = Field(
        {},
        description="Tables with the grades of other systems, by a name of your choice: columns of reference_key or "
        "measured_key, reference_item and measured_grade.",
    )

    @model_validator(mode="after")
    def _systems(self) -> "AgreementConfig":
        for name in self.answers:
            if "=" in name or not name.strip() or name.strip().casefold() == MEASURED:
                raise ValueError(
                    f"answers has the name {name!r:.80}; expected a name without '=' other than '{MEASURED}'"
                )
        return self


class ValueAgreementConfig(Section):
    """How a measured value is compared with a true one: names of columns, the cut-point, the bootstrap."""

    true: str = Field("true", description="Column with the true value, such as the mean of two readers.")
    measured: str = Field("measured", description="Column with the measured value.")
    group: str | None = Field(
        None,
        description="Column that divides the rows into groups, such as training sets; by default each table is a group "
        "with the name of its file.",
    )
    patient: str = Field(
        "patient_id", description="Column with the patient; rows without one count as one patient each."
    )
    cut: float | None = Field(
        0.5,
        allow_inf_nan=False,
        description="True value below and from which the agreement is also computed; null for one table of all rows.",
    )
    quantity: str = Field("cardiothoracic ratio", description="Name of the value in the figures.")
    resamples: int = Field(2000, ge=1, description="Number of resamples of the bootstrap intervals.")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap.")


MEASURED = "measured"  # name of the measured table among the systems that are compared
