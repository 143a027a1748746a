"""Principal components against the SVD, and their steadiness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.gui.panels.projection import Projector, principal_components


def cloud(samples, features, seed, spread=None):
    random = np.random.default_rng(seed)
    scale = 2.0 ** -np.arange(features) if spread is None else np.resize(spread, features)
    return random.normal(size=(samples, features)) * scale + random.normal(size=features)


@settings(max_examples=60, deadline=None)
@given(st.integers(5, 60), st.integers(3, 80), st.integers(0, 10_000))
def test_equals_the_svd_up_to_sign(samples, features, seed):
    data = cloud(samples, features, seed)
    projection = Projector().update(data)
    centred = data - data.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :3] * sizes[:3]
    for axis in range(3):
        got = projection.points[:, axis]
        sign = np.sign(got @ expected[:, axis])
        np.testing.assert_allclose(got, sign * expected[:, axis], atol=1e-5 * sizes[0])
    np.testing.assert_allclose(projection.explained, sizes[:3] ** 2 / (sizes**2).sum(), atol=1e-8)


def test_equals_scikit_learn():
    from sklearn.decomposition import PCA

    data = cloud(200, 30, 3)
    expected = PCA(3)
    points = expected.fit_transform(data)
    projection = Projector().update(data)
    np.testing.assert_allclose(np.abs(projection.points), np.abs(points), atol=1e-9)
    np.testing.assert_allclose(projection.explained, expected.explained_variance_ratio_, atol=1e-9)


@given(st.integers(0, 12), st.integers(1, 5), st.integers(0, 100))
def test_few_samples_or_features_leave_zero_axes(samples, features, seed):
    projection = Projector().update(cloud(samples, features, seed))
    assert projection.points.shape == (samples, 3)
    missing = max(0, min(3, max(0, min(samples - 1, features))))
    np.testing.assert_allclose(projection.points[:, missing:], 0.0, atol=1e-6)
    assert 0.0 <= projection.explained.sum() <= 1.0 + 1e-9


def test_a_dead_layer_projects_to_one_point():
    projection = Projector().update(np.full((20, 4), 3.0))
    assert not projection.points.any()
    assert not projection.explained.any()


def test_refuses_what_is_not_finite():
    with pytest.raises(ValueError, match="not finite"):
        Projector().update(np.array([[1.0, np.nan], [0.0, 1.0]]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 40))
def test_small_changes_move_points_a_little(seed, features):
    # Signs are free in a PCA; here a layer drifts, and no sample may jump to the other side.
    data = cloud(80, features, seed, spread=[4.0, 2.0, 1.0])
    drift = np.random.default_rng(seed + 1).normal(size=data.shape) * 1e-4
    projector = Projector()
    before = projector.update(data)
    for _ in range(5):
        data = data + drift
        after = projector.update(data)
        for axis in range(min(3, features)):
            assert before.points[:, axis] @ after.points[:, axis] >= 0
        before = after


def test_axes_do_not_trade_places_while_variances_cross():
    random = np.random.default_rng(5)
    shape = random.normal(size=(400, 2))
    shape -= shape.mean(0)
    shape = np.linalg.qr(shape)[0]  # exactly uncorrelated columns
    projector = Projector()
    before = projector.update(shape * [1.02, 1.0])
    after = projector.update(shape * [1.0, 1.02])
    np.testing.assert_allclose(after.points, before.points, atol=0.01)
    apart = projector.update(shape * [1.0, 2.0])
    assert apart.explained[0] > apart.explained[1]


def test_forget_begins_afresh():
    data = cloud(50, 4, 1)
    projector = Projector()
    first = projector.update(data)
    projector.update(-data)
    projector.forget()
    np.testing.assert_allclose(projector.update(data).points, first.points)


def test_wide_layers_use_the_smaller_matrix():
    _, directions, variances = principal_components(cloud(40, 3000, 2, spread=[1.0]))
    np.testing.assert_allclose(directions @ directions.T, np.eye(3), atol=1e-4)
    assert np.all(np.diff(variances[:3]) <= 0)
