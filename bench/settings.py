"""This module defines how a peer runs, and the settings to try for its best setting."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Setting", "candidates", "numpy_setting", "residual_settings"]


@dataclass(frozen=True)
class Setting:
    """One way to run one library.

    ``form``: how the library computes the update, a key of its module's ``FORMS``.
    ``dtype``: of weights and sums.  ``processes`` work side by side on separate networks,
    each with ``threads`` threads inside the library.  ``batch``: networks in one call.
    """

    library: str
    form: str
    dtype: str = "float32"
    processes: int = 1
    threads: int = 1
    batch: int = 1

    def __str__(self) -> str:
        networks = "one network" if self.batch == 1 else f"{self.batch} networks"
        return (
            f"{self.form}, {self.dtype}, {networks} a call, "
            f"{self.processes} x {self.threads} threads"
        )


def candidates(cores: int) -> dict[str, list[Setting]]:
    """The settings to try on ``cores`` cores, by library.

    From a process per core, each in single precision on one network at a time, one thing is
    changed at a time: the form, the dtype, the batch, and the processes for threads.
    """
    return {
        "PyTorch": _around(cores, "PyTorch", "torch.func", "dual numbers", "torch.func compiled"),
        "JAX": _around(
            cores, "JAX", "one jit", "one jit, jax defaults", "draws apart", "scan", "rbg"
        ),
    }


def _around(cores: int, library: str, form: str, *other_forms: str) -> list[Setting]:
    settings = [
        Setting(library, form, processes=cores),
        Setting(library, form, threads=cores),
        Setting(library, form, "float64", processes=cores),
        Setting(library, form, processes=cores, batch=2),
        *(Setting(library, other, processes=cores) for other in other_forms),
    ]
    return list(dict.fromkeys(settings))


def residual_settings(cores: int) -> list[Setting]:
    """The settings for residual networks: the fastest for layers, and the form users write
    first."""
    forms = {"PyTorch": ("torch.func", "torch.func compiled"), "JAX": ("one jit", "draws apart")}
    return [
        Setting(library, form, processes=cores)
        for library, several in forms.items()
        for form in several
    ]


def numpy_setting(cores: int) -> Setting:
    """Plain NumPy: double precision, its own generator, products on all ``cores``."""
    return Setting("NumPy", "plain", "float64", threads=cores)
