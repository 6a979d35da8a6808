from typer.testing import CliRunner

from cxrfactory.cli.application import build_app
from tests.ingest.reports.sources import PLAIN, folder


def test_reports_command_writes_table_rejected_and_counts(tmp_path):
    source = folder(tmp_path / "mimic", PLAIN)
    output = tmp_path / "out" / "mimic.parquet"
    words = ["reports", str(source), "--layout", "mimic", "--output", str(output), "--summary", str(tmp_path / "n.csv")]
    result = CliRunner().invoke(build_app(), words)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in output.parent.iterdir()) == ["mimic.parquet", "mimic.rejected.parquet"]
    assert "used,2\n" in (tmp_path / "n.csv").read_text()
