"""The template of the heart, made from parametric surfaces: this code is its only source."""

from cxrfactory.hearts.template.build import make_template
from cxrfactory.hearts.template.stored import Template, read_template, write_template

__all__ = ["Template", "make_template", "read_template", "write_template"]
