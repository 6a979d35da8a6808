import time
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cxrfactory.tables.streaming import in_order, write_rows

SCHEMA = pa.schema([pa.field("n", pa.int64(), nullable=False)])


def test_results_come_in_order_and_few_items_are_taken_early():
    taken = []

    def items():
        for number in range(12):
            taken.append(number)
            yield number

    def work(number):
        time.sleep(0.01 * (number % 3 == 0))  # later ones are ready first
        return number * number

    with ThreadPoolExecutor(3) as pool:
        results = in_order(pool, work, items(), 4)
        assert next(results) == 0
        assert len(taken) == 4
        assert list(results) == [number * number for number in range(1, 12)]


def test_a_fault_of_one_item_is_raised_in_its_turn():
    def work(number):
        if number == 2:
            raise ValueError("two")
        return number

    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, work, range(5), 3)
        assert [next(results), next(results)] == [0, 1]
        with pytest.raises(ValueError, match="two"):
            next(results)


@pytest.mark.parametrize("count", [0, 1, 4, 7])
def test_rows_are_written_in_groups_and_rejections_returned(tmp_path, count):
    rows = [{"n": number} for number in range(count)] + [{"n": 99, "reason": "no"}]
    assert write_rows(iter(rows), tmp_path / "t.parquet", SCHEMA, 4) == (count, [{"n": 99, "reason": "no"}])
    with pq.ParquetFile(tmp_path / "t.parquet") as file:
        assert file.read().column("n").to_pylist() == list(range(count))
        assert file.num_row_groups == (count + 3) // 4
