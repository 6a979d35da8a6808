"""Exports of finished products in formats that other programs open, one module for each format.

:mod:`cxrfactory.export.chosen` opens a product and iterates over the chosen images and masks;
:mod:`cxrfactory.export.output` gives the place to write to. A product is never changed.
"""
