"""Letters are the factors of words: kernels between faces, vectors, masks and Gaussian weights.

A *face* is one side of a site: its neurons before their mask, or after it.  A word of one face, the
last of a cell, is written for readers: ``A`` is the kernel, ``B``, ``C``, ``E``, ``F`` are matrices
carried from above, ``x`` is the vector, all after the mask; ``K``, ``P``, ``Q``, ``R``, ``S`` and
``z`` are the same before the mask D.  Inside a cell letters are single characters without a glyph,
one for each kind and pair of faces, so that words stay plain text, quick to compare and to cut.

The transpose of a text is its reversal, each letter transposed: the kernel from face i to face j
becomes the kernel from j to i, and weights W become their transpose.
"""

from __future__ import annotations

from collections.abc import Mapping

from theory.errors import InvalidArgument

__all__ = [
    "BARE",
    "FIRST_INPUT",
    "INNER",
    "MASKED",
    "SITES",
    "carried_face",
    "is_junction",
    "is_vector",
    "is_weight",
    "junction",
    "kernel",
    "kernel_parts",
    "masks_of",
    "post",
    "pre",
    "renamed",
    "site_of",
    "transposed",
    "vector",
    "vector_face",
    "weight",
    "weight_index",
]

MASKED, BARE = "ABCEF", "KPQRS"
"""Kernels of the last face after and before its mask, by kind; kind 0 has an own share."""
INNER = "UV"
"""The kernel from the last site of a cell to a site inside it, before its mask, and back."""
FIRST_INPUT, SITES = 96, 128
"""Sites from `FIRST_INPUT` on are inputs, which no weights move: kernels with them vanish."""
_MASK_BITS = 9
_MOST_MASKS = 2**_MASK_BITS - 1
_JUNCTION, _VECTOR, _WEIGHT, _KERNEL = 0x20000, 0x30000, 0x38000, 0x40000


def post(site: int) -> int:
    """The face of ``site`` after its mask; 0 is the last face of the cell below."""
    return 2 * site


def pre(site: int) -> int:
    """The face of ``site`` before its mask."""
    return 2 * site + 1


def kernel(kind: int, left: int, right: int) -> str:
    """The kernel between two faces."""
    if left == right == 0:
        return MASKED[kind]
    return chr(_KERNEL + (kind << 16) + (left << 8) + right)


def kernel_parts(letter: str) -> tuple[int, int, int] | None:
    """Kind and faces of a kernel; None for another letter."""
    code = ord(letter)
    if code < _KERNEL:
        return (MASKED.index(letter), 0, 0) if letter in MASKED else None
    return code - _KERNEL >> 16, code >> 8 & 255, code & 255


def vector(face: int) -> str:
    """The neurons of a face."""
    return "x" if face == 0 else chr(_VECTOR | face)


def vector_face(letter: str) -> int | None:
    """The face of a vector; None for another letter."""
    if letter == "x":
        return 0
    return ord(letter) - _VECTOR if _VECTOR <= ord(letter) < _WEIGHT else None


def is_vector(letter: str) -> bool:
    """Whether a letter is a vector, which stands at the ends of a form."""
    return letter.islower() or _VECTOR <= ord(letter) < _WEIGHT


def junction(site: int, masks: int) -> str:
    """The diagonal matrix D^masks of ``site``: the neuron index that two weights of it share."""
    if masks > _MOST_MASKS:
        raise InvalidArgument(
            f"expected at most {_MOST_MASKS} factors D at one neuron in a term of observable, got "
            f"{masks}; give fewer"
        )
    return chr(_JUNCTION | site << _MASK_BITS | masks)


def is_junction(letter: str) -> bool:
    """Whether a letter is a power of a mask, the identity among them."""
    return _JUNCTION <= ord(letter) < _VECTOR


def site_of(letter: str) -> int:
    """The site of a junction."""
    return (ord(letter) & 0xFFFF) >> _MASK_BITS


def masks_of(letter: str) -> int:
    """The power of the mask in a junction."""
    return ord(letter) & _MOST_MASKS


def weight(index: int) -> str:
    """The weights of identity ``index``: neurons of the site on the left, of the source on the
    right."""
    return chr(_WEIGHT | index << 1)


def is_weight(letter: str) -> bool:
    """Whether a letter is a matrix of weights, or the transpose of one."""
    return _WEIGHT <= ord(letter) < _KERNEL


def weight_index(letter: str) -> int:
    """The identity of weights."""
    return ord(letter) - _WEIGHT >> 1


class _Transposes(dict[int, int]):
    """The code of each letter's transpose."""

    def __missing__(self, code: int) -> int:
        self[code] = transpose = self._of(code)
        return transpose

    def _of(self, code: int) -> int:
        if code >= _KERNEL:
            return code & ~0xFFFF | (code & 255) << 8 | code >> 8 & 255
        return code ^ 1 if code >= _WEIGHT else code


_TRANSPOSES = _Transposes({ord(INNER[0]): ord(INNER[1]), ord(INNER[1]): ord(INNER[0])})


def transposed(text: str) -> str:
    """The transpose of a product of letters."""
    return text[::-1].translate(_TRANSPOSES)


def renamed(letter: str, sites: Mapping[int, int]) -> str:
    """A kernel or a vector of the same faces of other sites."""
    if (parts := kernel_parts(letter)) is not None:
        kind, *faces = parts
        return kernel(kind, *(2 * sites[face >> 1] | face & 1 for face in faces))
    face = vector_face(letter)
    return letter if face is None else vector(2 * sites[face >> 1] | face & 1)


def carried_face(site: int, inner: int | None) -> dict[int, str]:
    """For `str.translate`: the letters for people of a cell's last ``site``, and of the site
    ``inner`` inside it, as letters of the cell."""
    table = {letter: kernel(kind, post(site), post(site)) for kind, letter in enumerate(MASKED)}
    table |= {letter: kernel(kind, pre(site), pre(site)) for kind, letter in enumerate(BARE)}
    table |= {"x": vector(post(site)), "z": vector(pre(site)), "D": junction(site, 1)}
    if inner is not None:
        faces = post(site), pre(inner)
        table |= {INNER[0]: kernel(0, *faces), INNER[1]: kernel(0, *faces[::-1])}
    return str.maketrans(table)
