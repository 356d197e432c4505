"""A `Wording` holds the sentences of a derivation about layers, or about residual blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sympy import Expr, factor

from theory.laws.update import SquaredUpdate
from theory.networks.residual import Residual
from theory.networks.roles import Branch
from theory.words.word import Word

__all__ = ["Wording", "wording"]


@dataclass(frozen=True)
class Wording:
    """The sentences of the first steps.

    ``unit``: a layer or a block; ``network``: its definition; ``moves``: the movement and its
    parts, left and right sides; ``carried``: the name of the matrix that words above hold, and
    ``at_top`` its value; ``above``, ``own``, ``coins``: the texts of the steps above, at and below
    the update; ``left``: the left side of the mean.
    """

    unit: str
    network: str
    moves: tuple[tuple[str, str], ...]
    carried: str
    at_top: str
    above: str
    own: str
    coins: str
    left: str

    @property
    def moved(self) -> str:
        """The vector that a step moves."""
        return self.moves[0][0].removeprefix("Δ")

    @property
    def output(self) -> str:
        """The vector of which f is the product with its gradient."""
        return "z" if self.unit == "layer" else "h"

    def carried_word(self, word: Word) -> Word:
        """A carried word with the matrix by its name here."""
        return tuple(each.replace("B", self.carried) for each in word)


def wording(update: SquaredUpdate) -> Wording:
    """The wording of an update of layers or of blocks."""
    if isinstance(update.network, Residual):
        return _of_blocks(update, update.network)
    return _of_layers(update)


def _of_layers(update: SquaredUpdate) -> Wording:
    network, rates = update.network, update.derivations[0].rates
    trained = not (rates is None or (isinstance(rates, tuple) and set(rates) == {1}))
    multipliers = " times a multiplier $r_ℓ$ per layer" if trained else ""
    return Wording(
        unit="layer",
        network=(
            f"A network without biases, $z^(ℓ) = W^(ℓ) x^(ℓ-1)$, $x^(ℓ) = D^(ℓ) z^(ℓ)$ and "
            f"$f = v·x^(L)$, has independent weights $W^(ℓ)_ij ~ N(0, c/n_in)$, "
            f"$c = {factor(network.c)}$, and a readout $v_j ~ N(0, s/n²)$, $s = {network.s}$; the "
            f"mask $D_ii$ is 1 where $z_i > 0$ and ${network.activation.slope}$ elsewhere. "
            f"{_step(multipliers, 'pre-activations')}"
        ),
        moves=(
            ("Δz", "-η (f - y) K g"),
            ("g", "df/dz^(ℓ)"),
            ("K^(ℓ+1)", f"{'r ' if trained else ''}|x^(ℓ)|² I + W^(ℓ+1) A^(ℓ) W^(ℓ+1)ᵀ"),
            ("A", "D K D"),
        ),
        carried="B",
        at_top="D K² D",
        above="$B$ becomes $D W B Wᵀ D$",
        own=(
            "At the layer of the update, $B = D K² D$ with the layer's own $K$; the mean over "
            "the layer's weights and masks, in words of the masked kernel $A$ and of $x$ below it:"
        ),
        coins=(
            "Every mask is a fair coin, since flipping a row of $W$ flips the sign of its $z_i$ "
            "alone, and Wick's theorem pairs the rows."
        ),
        left="n E[(Δz_i)²]/η²",
    )


def _of_blocks(update: SquaredUpdate, network: Residual) -> Wording:
    inside = isinstance(update.layer, Branch)
    trained = update.derivations[0].rates is not None
    multipliers = " times multipliers $r_in$, $r_U$ and $r_W$ by role" if trained else ""
    r_up, r_down = ("r_U ", "r_W ") if trained else ("", "")
    variances = network.variances
    moved = (
        (("Δz", "-η (f - y) Pᵀ g"), ("P", f"J K^(b-1) Uᵀ + τ {r_up}|h^(b-1)|² W D"))
        if inside
        else (("Δh", "-η (f - y) K g"),)
    )
    return Wording(
        unit="block",
        network=(
            f"A residual network without biases, $h^(0) = W_in x$, $z^(b) = U^(b) h^(b-1)$, "
            f"$h^(b) = α h^(b-1) + τ W^(b) D^(b) z^(b)$ and $f = v·h^(B)$, with "
            f"$α² = {network.skip2}$ and $τ² = {network.tau2}$, has independent weights "
            f"$(W_in)_ij ~ N(0, {_over(variances.input, 'n_0')})$, "
            f"$U_ij ~ N(0, {_over(variances.up, 'n')})$ and "
            f"$W_ij ~ N(0, {_over(variances.down, 'm')})$ of the fan-ins $n_0$, $n$ and $m$, and a "
            f"readout $v_j ~ N(0, s/n²)$, $s = {network.s}$; the mask $D_ii$ is 1 where $z_i > 0$ "
            f"and ${network.activation.slope}$ elsewhere. "
            f"{_step(multipliers, 'pre-activations of a branch' if inside else 'stream')}"
        ),
        moves=(
            *moved,
            ("g", "df/dh^(b)"),
            ("J", "α I + τ W^(b) D U^(b)"),
            (
                "K^(b)",
                f"J K^(b-1) Jᵀ + τ² ({r_down}|D z^(b)|² I + {r_up}|h^(b-1)|² W^(b) D² W^(b)ᵀ)",
            ),
        ),
        carried="M",
        at_top="P Pᵀ" if inside else "K²",
        above="the matrix $M$ becomes $Jᵀ M J$",
        own=(
            f"At the block of the update, $M = {'P Pᵀ' if inside else 'K²'}$; the mean over the "
            f"block's weights and masks, in words of the kernel $A = K$ and of $x = h$ below it:"
        ),
        coins=(
            "Every mask is a fair coin, since flipping a row of $U$ and the column of $W$ that it "
            "leads to flips the sign of one $z_i$ and nothing else, and Wick's theorem pairs the "
            "weights."
        ),
        left="m E[(Δz_i)²]/η²" if inside else "n E[(Δh_i)²]/η²",
    )


def _step(multipliers: str, what: str) -> str:
    return (
        f"One gradient step on $½(f - y)²$, $y = ±1$, with rate $η${multipliers} moves the {what} "
        f"to first order by"
    )


def _over(variance: Expr, fan_in: str) -> Any:
    return f"{variance}/{fan_in}" if variance.is_Atom else f"({variance})/{fan_in}"
