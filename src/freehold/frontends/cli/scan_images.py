"""``freehold scan oci:…``: the layers of container images among what is scanned."""

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from freehold.frontends.cli import options
from freehold.model.report import Report
from freehold.sandbox.modes import Mode
from freehold.service.entry import IMAGE, Entry, Finished, Known
from freehold.service.images import Image, Layer, asking, judged, load_reader
from freehold.service.pool import Pool

if TYPE_CHECKING:
    from freehold.service.verdicts.memory import Memory


class Images:
    """The images that the user named. Their reader is a sandboxed worker of its own, which must exist before threads.

    Raises:
        UsageError: one of them is no image.
    """

    def __init__(self, args: argparse.Namespace, memory: "Memory | None") -> None:
        self._memory = memory
        mode = Mode.PLAIN if args.unsafe_no_sandbox else Mode.SANDBOX
        self._pool = Pool([], options.limits_of(args), jobs=1, mode=mode, tree=True, load=load_reader)
        self._ask = asking(self._pool)
        self._layers: dict[bytes, tuple[Image, Layer, Entry]] = {}
        try:
            self._images = [Image(path.removeprefix(IMAGE), self._ask) for path in args.paths if path.startswith(IMAGE)]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the reader."""
        self._pool.close()

    def found(self) -> Iterator[Entry | Known]:
        """Yield every layer, or that it is known to be clean."""
        for image in self._images:
            for layer, entry in image.entries():
                known = self._known(layer, entry)
                if known is not None:
                    yield known
                    continue
                self._layers[layer.label] = (image, layer, entry)
                yield entry

    def finish(self, item: Finished) -> None:
        """Add to the report of a layer what is known of the image, and remember a clean one by its digest."""
        image, layer, entry = self._layers.pop(item.path, (None, None, None))
        if image is None or layer is None or entry is None:
            return
        if entry.problem and entry.problem not in item.report.problems:
            item.report.problems.append(entry.problem)
        if item.report.detections:
            judged(item, image, layer, self._ask)
        elif self._memory and layer.digest:
            self._memory.remember_content(layer.digest, item.report)

    def _known(self, layer: Layer, entry: Entry) -> Known | None:
        if self._memory is None or entry.fd is None or entry.problem or not layer.digest:
            return None
        file_type = self._memory.look_up_content(layer.digest, entry.size)
        if file_type is None:
            return None
        os.close(entry.fd)
        known = Known()
        known.files = 1
        known.bytes = entry.size
        known.file_types[file_type] += 1
        known.each.append((entry.path, Report(entry.size, file_type, known=True)))
        return known
