"""Products for the browser whose rows lie release by release, and whose films lie in the releases' folders."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from cxrfactory.products.browsed import Browsed, LeftOut
from cxrfactory.products.browsed_columns import facts_of
from cxrfactory.products.film_files import FilmFolder, ReleaseFilms
from cxrfactory.products.left_out import read_left_out
from cxrfactory.products.opened import OpenedProduct


class BrowsedReleases(Browsed):
    """What such products share: the place of a row in its release, the manifests' facts, and the films."""

    _product: OpenedProduct
    _films: dict[str, ReleaseFilms]

    def _hold(self, product: OpenedProduct, counts: Mapping[str, int]) -> None:
        """Keep the product and the number of rows of each release, in the order of the rows."""
        self.title = product.folder.absolute().name
        self._product = product
        self._releases = list(counts)
        self._starts = np.cumsum([0, *counts.values()])

    @property
    def images_known(self) -> bool:
        """Whether the folder of any release's radiographs is known."""
        return any(films.known for films in self._films.values())

    def left_out(self) -> LeftOut:
        """Return the excluded and rejected rows, under the names of the config."""
        return read_left_out(self._product.folder)

    def _place(self, key: int) -> tuple[str, int]:
        """Return the release of a row, and the number of the row in it."""
        number = int(np.searchsorted(self._starts, key, side="right")) - 1
        return self._releases[number], key - int(self._starts[number])

    def _open_films(self, ids: pa.Array, folders: Mapping[str, Path]) -> pa.Table:
        """Keep the place of each release's films, and return the facts of the manifests: one row for each id.

        ``folders`` holds folders of films named after their ids, by release or dataset; the key ``""`` is for all
        others. Facts of a release without a manifest are null.
        """
        tables = []
        self._films = {}
        named: dict[Path, FilmFolder] = {}  # releases that share a folder share what is known of it
        for number, release in enumerate(self._releases):
            mine = ids.slice(int(self._starts[number]), int(self._starts[number + 1] - self._starts[number]))
            source, dataset = self._product.sources.get(release), self._product.dataset_of(release)
            manifest = self._product.folder.absolute().parent / "manifest" / f"{dataset}.parquet"
            manifest = manifest if source is None else source.manifest
            places = None
            if manifest.is_file():
                facts, places = facts_of(manifest, mine)
            else:
                facts = pa.table({"view": pa.nulls(len(mine), pa.string())})
            tables.append(facts)
            folder = folders.get(release) or folders.get(dataset) or folders.get("")
            if folder is not None and folder not in named:
                named[folder] = FilmFolder(folder, ids)
            self._films[release] = ReleaseFilms(source, places, None if folder is None else named[folder])
        return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})
