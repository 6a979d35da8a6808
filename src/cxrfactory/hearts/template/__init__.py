"""The template of the heart, made from parametric surfaces of our own: nothing but this code is its source."""

from cxrfactory.hearts.template.build import Template, make_template, read_template, write_template

__all__ = ["Template", "make_template", "read_template", "write_template"]
