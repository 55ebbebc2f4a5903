"""Makes pictures in every format that has hashes."""

import random
from io import BytesIO

from PIL import Image, ImageDraw, ImageFilter

EXACT = {"png": "PNG", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP"}


def random_picture(rng: random.Random) -> Image.Image:
    """Noise, shapes, soft shapes or one colour, in any mode and size."""
    sizes = [(32, 32), (1, 1), (16, 90), (64, 64), (rng.randint(1, 40), rng.randint(1, 40))]
    size = rng.choice([*sizes, (rng.randint(40, 500), rng.randint(40, 500))])
    if rng.random() < 0.3:
        picture = Image.frombytes("RGB", size, rng.randbytes(3 * size[0] * size[1]))
    else:
        picture = Image.new("RGB", size, _color(rng))
        draw = ImageDraw.Draw(picture)
        for _ in range(rng.choice([0, 3, 20])):
            left, right = sorted(rng.randrange(size[0]) for _ in "lr")
            top, bottom = sorted(rng.randrange(size[1]) for _ in "tb")
            rng.choice([draw.rectangle, draw.ellipse])((left, top, right, bottom), fill=_color(rng))
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(3))
    return picture.convert(rng.choice(["RGB", "L", "1", "P", "RGBA", "LA"]))


def _color(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def encoded(picture: Image.Image, name: str, **options: object) -> bytes:
    """A picture in one of Pillow's formats."""
    if (name == "BMP" and picture.mode == "LA") or (name == "JPEG" and picture.mode not in {"L", "RGB"}):
        picture = picture.convert("L" if picture.mode == "LA" else "RGB")
    file = BytesIO()
    picture.save(file, name, **options)
    return file.getvalue()
