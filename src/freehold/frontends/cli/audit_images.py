"""``freehold audit oci:…``: the layers of container images, and whether the finished image shows what is in them."""

import argparse
from collections.abc import Iterator, Sequence

from freehold.frontends.cli import options
from freehold.model.report import Detection
from freehold.sandbox.modes import Mode
from freehold.service.entry import IMAGE, Entry, Finished
from freehold.service.images import Image, Layer, asking, load_reader
from freehold.service.pool import Pool


class Images:
    """The images that the user named. Their reader is a sandboxed worker of its own, which must exist before threads.

    Raises:
        UsageError: one of them is no image.
    """

    def __init__(self, args: argparse.Namespace, targets: Sequence[str]) -> None:
        mode = Mode.PLAIN if args.unsafe_no_sandbox else Mode.SANDBOX
        self._pool = Pool([], options.limits_of(args), jobs=1, mode=mode, tree=True, load=load_reader)
        self._ask = asking(self._pool)
        self._layers: dict[bytes, tuple[Image, Layer, Entry]] = {}
        try:
            self._images = {target: Image(target.removeprefix(IMAGE), self._ask) for target in targets}
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the reader."""
        self._pool.close()

    def entries(self, target: str) -> Iterator[Entry]:
        """Yield the layers of one image."""
        image = self._images[target]
        for layer, entry in image.entries():
            entry.name = layer.label.decode("utf-8", "surrogateescape").removeprefix(f"{target}: ")
            self._layers[entry.path] = (image, layer, entry)
            yield entry

    def seen(self, finished: Finished) -> list[Detection]:
        """Return what was found in a layer, with what the finished image shows of it; elsewhere, what was found."""
        image, layer, entry = self._layers.pop(finished.path, (None, None, None))
        if image is None or layer is None or entry is None:
            return finished.report.detections
        if entry.problem and entry.problem not in finished.report.problems:
            finished.report.problems.append(entry.problem)
        return [
            found._replace(evidence=found.evidence + f" ({image.where_seen(layer, found, self._ask)})".encode())
            for found in finished.report.detections
        ]
