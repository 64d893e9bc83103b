"""Two scans of one subject brought to one place: rigid, then affine, neither favored over the other.

Each is registered to the other, and the two results are averaged. Both scans are then moved half of the way,
so that interpolation blurs them alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK
from scipy.linalg import expm, logm

from convscope.errors import DataError
from convscope.kinds.volume.volume import Affine, Volume

Values = npt.NDArray[np.float32]

SEED = 20
"""Of the voxels that are sampled; the same for every pair, so that the same scans give the same answer."""
SAMPLED = 150_000
"""Voxels that mutual information is taken over at most."""
BINS = 32
"""Of the histogram of Mattes' mutual information."""
ITERATIONS = 200
LEAST_CORRELATION = 0.4
"""Of two registered scans; below it they do not show the same."""
LEAST_OVERLAP = 0.5
"""Share of the smaller scan that the other covers."""
MOST_APART = 1.5
"""Voxels by which the way there and the way back may differ."""
_HINT = "Check that both show the same part of the same subject, in the same sequence."
_LOCK = Lock()


@dataclass(frozen=True, eq=False)
class Alignment:
    """How two scans lie to one another.

    Args:
        matrix: From mm of the first to mm of the later, shape (4, 4).
        rigid: The same without scale and shear.
        apart: Root mean square distance of the way there and the way back, in mm.
        correlation: Of the intensities of the two where both are.
        overlap: Share of the smaller field of view that the other covers.
        moved: How far the middle of the first is from where it is in the later, in mm.
    """

    matrix: Affine
    rigid: Affine
    apart: float
    correlation: float
    overlap: float
    moved: float

    @cached_property
    def half(self) -> Affine:
        """Half of the way, from mm of the first, shape (4, 4)."""
        return part_of(self.matrix, 0.5)

    @property
    def turned(self) -> float:
        """Angle of the rigid part, in degrees."""
        cosine = (np.trace(self.rigid[:3, :3]) - 1) / 2
        return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def part_of(matrix: Affine, share: float) -> Affine:
    """A share of the way that a matrix moves points: `share` 1 is all of it, -1 the way back."""
    return np.asarray(np.real(expm(share * logm(matrix))), np.float64)


def mean_way(there: Affine, back: Affine) -> Affine:
    """The way there, averaged with the inverse of the way back."""
    return np.asarray(np.real(expm((logm(there) - logm(back)) / 2)), np.float64)


def to_itk(values: npt.NDArray[Any], affine: Affine) -> SimpleITK.Image:
    """Values (x, y, z) as an image of SimpleITK, whose space is that of the affine."""
    spacing = np.sqrt(np.square(affine[:3, :3]).sum(axis=0))
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.T, np.float32))
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    return image


def to_values(image: SimpleITK.Image) -> Values:
    """Values (x, y, z) of an image of SimpleITK."""
    return np.ascontiguousarray(SimpleITK.GetArrayFromImage(image).T, np.float32)


def to_transform(matrix: Affine) -> SimpleITK.AffineTransform:
    """A matrix as a transform of points."""
    transform = SimpleITK.AffineTransform(3)
    transform.SetMatrix(matrix[:3, :3].ravel().tolist())
    transform.SetTranslation(matrix[:3, 3].tolist())
    return transform


def matrix_of(transform: SimpleITK.Transform) -> Affine:
    """The matrix of a transform of points that is affine."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, 3] = origin
    for axis, unit in enumerate(np.eye(3).tolist()):
        matrix[:3, axis] = np.array(transform.TransformPoint(unit)) - origin
    return matrix


def moved_to(
    values: npt.NDArray[Any], affine: Affine, grid: Affine, shape: tuple[int, ...], way: Affine
) -> tuple[Values, npt.NDArray[np.bool_]]:
    """Values on another grid, by cubic splines.

    Args:
        values: Shape (x, y, z).
        affine: Of these voxels.
        grid: Affine of the wanted voxels.
        shape: How many there are.
        way: From mm of the wanted voxels to mm of the values.

    Returns:
        The values, and which voxels lie within the old ones.
    """
    image = to_itk(values, affine)
    target = SimpleITK.Image([int(each) for each in shape], SimpleITK.sitkFloat32)
    spacing = np.sqrt(np.square(grid[:3, :3]).sum(axis=0))
    target.SetSpacing(spacing.tolist())
    target.SetDirection((grid[:3, :3] / spacing).ravel().tolist())
    target.SetOrigin(grid[:3, 3].tolist())
    transform = to_transform(way)
    found = to_values(
        SimpleITK.Resample(image, target, transform, SimpleITK.sitkBSpline, 0.0, SimpleITK.sitkFloat32)
    )
    return found, within(affine, values.shape, grid, shape, way)


def within(
    affine: Affine, shape: tuple[int, ...], grid: Affine, wanted: tuple[int, ...], way: Affine
) -> npt.NDArray[np.bool_]:
    """Which voxels of a grid lie between the middles of the outermost voxels of another one."""
    index = np.linalg.inv(affine) @ way @ grid
    inside = np.ones(wanted, bool)
    for axis in range(3):
        parts = [index[axis, each] * np.arange(wanted[each]) for each in range(3)]
        place = parts[0][:, None, None] + parts[1][:, None] + parts[2] + index[axis, 3]
        inside &= (place >= -1e-6) & (place <= shape[axis] - 1 + 1e-6)
    return inside


def align(first: Volume, later: Volume, *, affine: bool = True) -> Alignment:
    """Registers two scans of one subject.

    Both are registered to each other by Mattes' mutual information on several levels, first by a rigid
    transform, which begins where the headers, the middles or the centers of mass agree best, then by an
    affine one. Only the first channel counts.

    Args:
        first: A scan.
        later: Another, in any place and on any grid.
        affine: Whether scale and shear are registered too.

    Raises:
        DataError: The scans cannot be registered: they hardly overlap or correlate, or the ways there and
            back disagree.
    """
    one, other = _Scan.of(first), _Scan.of(later)
    with _one_thread():
        there, back = _registered(one, other, affine), _registered(other, one, affine)
    matrix, rigid = (mean_way(way, other_way) for way, other_way in zip(there, back, strict=True))
    apart = _distance(there[0], np.asarray(np.linalg.inv(back[0]), np.float64), one)
    center = np.append(one.center, 1.0)
    moved = float(np.linalg.norm((rigid @ center - center)[:3]))
    found = Alignment(matrix, rigid, apart, *_likeness(one, other, matrix), moved)
    _check(found, first, later)
    return found


@contextmanager
def _one_thread() -> Iterator[None]:
    """Within it ITK sums in one order, so that the same scans give the same bits."""
    with _LOCK:
        usual = SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads()
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
        try:
            yield
        finally:
            SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(usual)


@dataclass(frozen=True, eq=False)
class _Scan:
    """A scan as it is registered: one channel, without its extreme values."""

    name: str
    values: Values
    affine: Affine
    image: SimpleITK.Image

    @classmethod
    def of(cls, volume: Volume) -> _Scan:
        values = volume.values[..., 0].astype(np.float32)
        low, high = np.quantile(values, (0.001, 0.999))
        values = np.clip(values, low, high)
        return cls(volume.name, values, volume.affine, to_itk(values, volume.affine))

    @property
    def center(self) -> tuple[float, ...]:
        """The middle of its voxels, in mm."""
        middle = np.append((np.array(self.values.shape) - 1) / 2, 1.0)
        return tuple((self.affine @ middle)[:3].tolist())

    @property
    def spacing(self) -> float:
        """The largest side of a voxel, in mm."""
        return float(np.sqrt(np.square(self.affine[:3, :3]).sum(axis=0)).max())


def _registered(fixed: _Scan, moving: _Scan, affine: bool) -> tuple[Affine, Affine]:
    """From mm of the fixed scan to mm of the moving one: the last transform, and the rigid one."""
    rigid = SimpleITK.Euler3DTransform()
    rigid.SetCenter(fixed.center)
    method = _method(fixed)
    starts = [rigid]
    for where in (
        SimpleITK.CenteredTransformInitializerFilter.GEOMETRY,
        SimpleITK.CenteredTransformInitializerFilter.MOMENTS,
    ):
        start = SimpleITK.CenteredTransformInitializer(fixed.image, moving.image, rigid, where)
        starts.append(SimpleITK.Euler3DTransform(start))
    best = min(starts, key=lambda each: _score(fixed, moving, each))
    matrix = _executed(method, fixed, moving, best)
    if not affine:
        return matrix, matrix
    wider = SimpleITK.AffineTransform(3)
    wider.SetCenter(fixed.center)
    wider.SetMatrix(matrix[:3, :3].ravel().tolist())
    center = np.array(fixed.center)
    wider.SetTranslation((matrix[:3, :3] @ center + matrix[:3, 3] - center).tolist())
    return _executed(_method(fixed), fixed, moving, wider), matrix


def _executed(
    method: SimpleITK.ImageRegistrationMethod, fixed: _Scan, moving: _Scan, start: SimpleITK.Transform
) -> Affine:
    """Where a registration comes to.

    Raises:
        DataError: It moved the scans away from one another.
    """
    method.SetInitialTransform(start, inPlace=False)
    try:
        return matrix_of(method.Execute(fixed.image, moving.image))
    except RuntimeError as error:
        raise DataError(
            f"{moving.name}: cannot be registered to {fixed.name}: they do not overlap", hint=_HINT
        ) from error


def _method(fixed: _Scan) -> SimpleITK.ImageRegistrationMethod:
    """Mutual information, sampled with a fixed seed, from coarse to fine in one thread."""
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetInterpolator(SimpleITK.sitkLinear)
    levels = [factor for factor in (4, 2, 1) if min(fixed.values.shape) // factor >= 12] or [1]
    shares = [min(1.0, SAMPLED * factor**3 / fixed.values.size) for factor in levels]
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentagePerLevel(shares, SEED)
    method.SetShrinkFactorsPerLevel(levels)
    method.SetSmoothingSigmasPerLevel([factor / 2 if factor > 1 else 0.5 for factor in levels])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=fixed.spacing, minStep=1e-3, numberOfIterations=ITERATIONS, relaxationFactor=0.6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def _score(fixed: _Scan, moving: _Scan, start: SimpleITK.Transform) -> float:
    """The metric where a registration may begin: lower is better; infinite where the two do not overlap."""
    method = _method(fixed)
    method.SetInitialTransform(start, inPlace=False)
    try:
        return float(method.MetricEvaluate(fixed.image, moving.image))
    except RuntimeError:
        return float("inf")


def _distance(one: Affine, other: Affine, scan: _Scan) -> float:
    """Root mean square distance of where two matrices move the corners and the middle of a scan, in mm."""
    ends = [(0.0, side / 2, float(side)) for side in scan.values.shape]
    places = np.stack([each.ravel() for each in np.meshgrid(*ends, indexing="ij")] + [np.ones(27)])
    apart = ((one - other) @ scan.affine @ places)[:3]
    return float(np.sqrt(np.square(apart).sum(axis=0).mean()))


def _likeness(one: _Scan, other: _Scan, matrix: Affine) -> tuple[float, float]:
    """Correlation of the intensities where both scans are, and the share of the smaller that is covered."""
    moved, inside = moved_to(other.values, other.affine, one.affine, one.values.shape, matrix)
    voxel, another = (abs(np.linalg.det(each.affine[:3, :3])) for each in (one, other))
    smaller = min(one.values.size * voxel, other.values.size * another * abs(np.linalg.det(matrix[:3, :3])))
    overlap = float(min(inside.sum() * voxel / smaller, 1.0))
    if inside.sum() < 2:
        return 0.0, overlap
    pair = np.corrcoef(one.values[inside], moved[inside])
    return float(np.nan_to_num(pair[0, 1])), overlap


def _check(found: Alignment, first: Volume, later: Volume) -> None:
    limit = MOST_APART * max(*first.spacing, *later.spacing)
    problem = ""
    if found.overlap < LEAST_OVERLAP:
        problem = f"they overlap in {found.overlap:.0%} of the smaller, expected {LEAST_OVERLAP:.0%}"
    elif found.correlation < LEAST_CORRELATION:
        problem = f"their intensities correlate by {found.correlation:.2f}, expected {LEAST_CORRELATION:g}"
    elif found.apart > limit:
        problem = f"the ways there and back differ by {found.apart:.2g} mm, expected {limit:.2g} mm at most"
    if problem:
        raise DataError(
            f"{later.name}: cannot be registered to {first.name}: {problem}",
            hint=_HINT,
        )
