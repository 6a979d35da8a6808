from tests.train.conftest import labelled

__all__ = ["labelled"]
