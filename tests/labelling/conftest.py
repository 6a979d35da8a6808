"""The labelled table that training is tested on serves here too."""

from tests.train.conftest import labelled

__all__ = ["labelled"]
