"""Faults of a request; the server answers each with one line."""

from cxrfactory.errors import CxrError


class BadRequest(CxrError):
    """A request that the server does not understand, or that asks for too much."""

    status = 400


class NotFound(BadRequest):
    """A request for something that is not there."""

    status = 404
