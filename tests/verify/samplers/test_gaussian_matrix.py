"""The conditioning lemma as an identity: of a matrix that is known, it gives the products."""

import numpy as np
import pytest

from verify.samplers.conditioned.gaussian_matrix import product


@pytest.mark.parametrize(("forward", "back"), [(0, 0), (1, 0), (0, 1), (1, 1), (2, 3), (3, 2)])
def test_with_the_true_fresh_vector_it_is_the_product_itself(forward: int, back: int) -> None:
    """The part of G y_/|y_| across all b_j is what ``fresh`` stands for; what it has along them
    must not matter."""
    generator, rows, columns = np.random.default_rng(8), 5, 4
    matrix = generator.standard_normal((rows, columns))
    q = np.linalg.qr(generator.standard_normal((columns, columns)))[0].T[:forward]
    b = np.linalg.qr(generator.standard_normal((rows, rows)))[0].T[:back]
    y = generator.standard_normal(columns)
    left = y - q.T @ (q @ y)
    fresh = matrix @ left / np.linalg.norm(left) + b.T @ generator.standard_normal(back)
    p, e, out, given = (matrix @ q.T).T, b @ matrix, np.empty(rows), y.copy()
    length = product(q.ravel(), p.ravel(), b.ravel(), e.ravel(), given, fresh, out)
    np.testing.assert_allclose(out, matrix @ y, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(given, left, rtol=1e-12, atol=1e-12)
    assert length == pytest.approx(np.linalg.norm(left), rel=1e-12)
