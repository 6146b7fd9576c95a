"""Augmentations that move or erase pixels, against trusted implementations with the same draws.

Affine maps against `ImageDataGenerator` (to 1e-5 on the scale 0..1), scipy and Pillow; perspective against Pillow; crops and flips against
NumPy; rectangles against the papers' algorithms by hand.
"""

import keras
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from augment_cases import changed, noise
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from kcifar.augment.crop import RandomCrop
from kcifar.augment.erasing import Cutout, RandomErasing
from kcifar.augment.flips import AlternatingFlip, HorizontalFlip, VerticalFlip
from kcifar.augment.geometry import RandomAffine
from kcifar.augment.operation import Occasion
from kcifar.augment.perspective import RandomPerspective, compute_perspective
from kcifar.augment.pipeline import apply_all
from kcifar.core.errors import UserError

FILLS = ("nearest", "reflect", "constant", "wrap")
IMAGE_SHAPE = (32, 32, 3)


def reference_affine(images: np.ndarray, draws: np.ndarray, flips: np.ndarray, fill: str, fill_value: float = 0.0) -> np.ndarray:
    """Return what ImageDataGenerator does to images on the scale [0, 1], with its middle of images that are not square corrected.

    It takes width / 2 for the middle of the rows and height / 2 for that of the columns. Mapping about another point is mapping
    about the middle and shifting, so the shift given to it makes up for the difference.
    """
    maker = tf.keras.preprocessing.image.ImageDataGenerator(fill_mode=fill, cval=fill_value / 255)
    height, width = images.shape[1:3]
    results = []
    for image, (angle, shift_x, shift_y, zoom, shear), flip in zip(images, five_draws(draws), flips, strict=True):
        offset = np.array([height - width, width - height]) / 2  # its middle less the true one, (x, y)
        turn, slant = np.deg2rad(angle), np.deg2rad(shear)
        back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        inner = zoom * np.array([[1, -np.sin(slant)], [0, np.cos(slant)]])
        shift = np.array([shift_x, shift_y]) + inner @ offset - back @ offset
        changes = {"theta": angle, "tx": shift[0], "ty": shift[1], "zx": zoom, "zy": zoom, "shear": shear, "flip_horizontal": bool(flip)}
        results.append(maker.apply_transform(image, changes))
    return np.stack(results)


def five_draws(draws: np.ndarray) -> np.ndarray:
    """Return angle, tx, ty, zoom and shear, float64, where the last two may not have been drawn."""
    identity = np.tile([1.0, 0.0], (len(draws), 1))
    return np.concatenate([draws.astype(np.float64), identity], axis=1)[:, :5]


def ours(images: np.ndarray, draws: np.ndarray, flips: np.ndarray, fill: str, fill_value: float = 0.0) -> np.ndarray:
    """Return the same from the two operations here, in one call, on the scale [0, 1]."""
    largest = {} if draws.shape[1] == 3 else {"zoom": 0.5, "shear": 45.0}
    operations = (RandomAffine(fill=fill, fill_value=fill_value, **largest), HorizontalFlip())
    return keras.ops.convert_to_numpy(apply_all(operations, images, np.concatenate([draws, flips[:, None]], axis=1))) / 255


def inside(draws: np.ndarray, flips: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return where the sampled point is between the centers of pixels, boolean (batch, height, width)."""
    height, width = shape
    angle, shift_x, shift_y, zoom, shear = (column[:, None, None] for column in five_draws(draws).T)
    x, y = np.arange(width)[None, None, :] - (width - 1) / 2, np.arange(height)[None, :, None] - (height - 1) / 2
    x, y = zoom * (x - np.sin(np.deg2rad(shear)) * y) + shift_x, zoom * np.cos(np.deg2rad(shear)) * y + shift_y
    cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    columns, rows = cosine * x - sine * y + (width - 1) / 2, sine * x + cosine * y + (height - 1) / 2
    margin = 1e-5  # where rounding decides on which side of the border a point lies
    inside = (columns > margin) & (columns < width - 1 - margin) & (rows > margin) & (rows < height - 1 - margin)
    return np.where(flips[:, None, None] > 0.5, inside[:, :, ::-1], inside)


CASES = {
    "size": st.sampled_from([(32, 32), (8, 8), (12, 20), (31, 17)]),
    "seed": st.integers(0, 2**32 - 1),
    "rotation": st.floats(0, 180),
    "shift": st.floats(0, 0.999),
    "others": st.sampled_from([(0.0, 0.0), (0.5, 0.0), (0.0, 60.0), (0.9, 30.0)]),  # zoom and shear
}
Size = tuple[int, int]
Others = tuple[float, float]


def case(size: Size, seed: int, rotation: float, shift: float, others: Others) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images uint8, affine draws and flips of eight samples."""
    shape = (*size, 3)
    draws = RandomAffine(rotation, shift, shift, zoom=others[0], shear=others[1]).draw(Occasion(seed), 8, shape)
    return noise(8, shape, seed), draws, HorizontalFlip().draw(Occasion(seed, position=(1,)), 8, shape)[:, 0]


# The generator's own import of scipy.ndimage.interpolation.
@pytest.mark.filterwarnings("ignore:Please import `affine_transform`:DeprecationWarning")
class TestAffineAndFlip:
    @pytest.mark.parametrize("fill", ["nearest", "reflect"])
    @given(**CASES)
    @settings(max_examples=40, deadline=None, derandomize=True)
    def test_equals_image_data_generator(self, fill: str, size: Size, seed: int, rotation: float, shift: float, others: Others) -> None:
        images, draws, flips = case(size, seed, rotation, shift, others)
        expected = reference_affine(images / 255, draws, flips, fill)
        np.testing.assert_allclose(ours(images, draws, flips, fill), expected, rtol=0, atol=1e-5)

    @pytest.mark.parametrize("fill", ["constant", "wrap"])
    @given(**CASES)
    @settings(max_examples=40, deadline=None, derandomize=True)
    def test_equals_image_data_generator_inside(self, fill: str, size: Size, seed: int, rotation: float, shift: float, others: Others) -> None:
        images, draws, flips = case(size, seed, rotation, shift, others)
        expected = reference_affine(images / 255, draws, flips, fill, 77.0)
        where = inside(draws, flips, size)
        np.testing.assert_allclose(ours(images, draws, flips, fill, 77.0)[where], expected[where], rtol=0, atol=1e-5)

    @pytest.mark.parametrize(("fill", "mode"), [("constant", "grid-constant"), ("wrap", "grid-wrap"), ("reflect", "reflect"), ("nearest", "nearest")])
    def test_the_pixels_beyond_the_image_are_those_of_the_docstring(self, fill: str, mode: str) -> None:
        image = noise(1, (6, 6, 1))
        shifts = np.array([[0, shift, -0.75 * shift] for shift in (-5.75, -0.5, 0.25, 1.5, 5.5)], np.float32)
        result = ours(np.repeat(image, len(shifts), axis=0), shifts, np.zeros(len(shifts)), fill, 51.0)
        for row, (_, shift_x, shift_y) in zip(result, shifts, strict=True):
            expected = scipy.ndimage.shift(image[0, :, :, 0] / 255, (-shift_y, -shift_x), order=1, mode=mode, cval=0.2)
            np.testing.assert_allclose(row[:, :, 0], expected, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("fill", FILLS)
    @pytest.mark.parametrize(("angle", "turns"), [(90, 1), (180, 2), (-90, -1), (-180, -2)])
    def test_a_quarter_turn_moves_whole_pixels(self, fill: str, angle: int, turns: int) -> None:
        images = noise(2).astype(np.float32)
        result = changed(RandomAffine(fill=fill), images, np.array([[angle, 0, 0]] * 2))
        np.testing.assert_array_equal(result, np.rot90(images, turns, axes=(1, 2)))

    def test_width_shift_moves_sideways_and_height_shift_up_and_down(self) -> None:
        images = noise(1).astype(np.float32)
        sideways = changed(RandomAffine(fill="wrap"), images, np.array([[0, 3, 0]]))
        upwards = changed(RandomAffine(fill="wrap"), images, np.array([[0, 0, 2]]))
        np.testing.assert_array_equal(sideways, np.roll(images, -3, axis=2))
        np.testing.assert_array_equal(upwards, np.roll(images, -2, axis=1))

    def test_a_zoom_of_a_half_shows_the_middle_twice_as_large(self) -> None:
        images = noise(2, (9, 9, 3)).astype(np.float32)
        result = changed(RandomAffine(zoom=0.5), images, np.array([[0, 0, 0, 0.5, 0]] * 2))
        np.testing.assert_array_equal(result[:, ::2, ::2], images[:, 2:7, 2:7])

    def test_draws_fill_the_ranges(self) -> None:
        operation = RandomAffine(rotation=15.0, width_shift=0.1, height_shift=0.25, zoom=0.3, shear=20.0)
        draws = operation.draw(Occasion(), 4000, (40, 20, 3)) - np.array([0, 0, 0, 1, 0], np.float32)
        largest = np.array([15, 0.1 * 20, 0.25 * 40, 0.3, 20])
        assert (np.abs(draws) <= largest + 1e-6).all()
        # Of 4000 uniform draws some lie in the outermost hundredth at each end, and the mean is near 0 (5 standard errors).
        assert (draws.min(axis=0) < -0.99 * largest).all()
        assert (draws.max(axis=0) > 0.99 * largest).all()
        assert (np.abs(draws.mean(axis=0)) < 5 * largest / np.sqrt(3 * 4000)).all()
        assert np.abs(np.corrcoef(draws.T) - np.eye(5)).max() < 0.08

    def test_zoom_and_shear_leave_the_other_draws_as_they_are(self) -> None:
        plain, more = (RandomAffine(15.0, 0.1, 0.2, zoom=zoom).draw(Occasion(3), 20, IMAGE_SHAPE) for zoom in (0.0, 0.5))
        np.testing.assert_array_equal(more[:, :3], plain)


def pillow(image: np.ndarray, method: Image.Transform, coefficients: np.ndarray) -> np.ndarray:
    """Return Pillow's bilinear resampling of each channel in floating point; outside of the image it is 0."""
    size = (image.shape[1], image.shape[0])
    channels = [Image.fromarray(np.ascontiguousarray(image[:, :, channel].astype(np.float32))) for channel in range(image.shape[2])]
    return np.stack([np.asarray(channel.transform(size, method, tuple(coefficients), Image.Resampling.BILINEAR)) for channel in channels], axis=-1)


def about_the_corner(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return Pillow's coefficients of a map of offsets from the middle: it measures from the upper left corner of the first pixel."""
    middle = np.array([[1, 0, size[0] / 2], [0, 1, size[1] / 2], [0, 0, 1]])
    moved = middle @ matrix.astype(np.float64) @ np.linalg.inv(middle)
    return (moved / moved[2, 2]).ravel()[:8]


def well_inside(matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return which pixels of the result are read between the centers of four pixels, boolean (height, width)."""
    x, y = np.meshgrid(*(np.arange(length) - (length - 1) / 2 for length in size))
    across, down, divisor = np.tensordot(matrix.astype(np.float64), np.stack([x, y, np.ones_like(x)]), axes=1)
    limits = [(length - 1) / 2 - 1e-3 for length in size]
    return (np.abs(across / divisor) < limits[0]) & (np.abs(down / divisor) < limits[1])


class TestPillow:
    @pytest.mark.parametrize("shape", [(32, 32, 3), (12, 21, 1)])
    def test_affine_equals_pillow(self, shape: tuple[int, int, int]) -> None:
        images, size = noise(8, shape), (shape[1], shape[0])
        operation = RandomAffine(120.0, 0.2, 0.2, zoom=0.4, shear=50.0)
        draws = operation.draw(Occasion(5), 8, shape)
        for image, result, (angle, tx, ty, zoom, shear) in zip(images, changed(operation, images, draws), draws.astype(np.float64), strict=True):
            turn, slant = np.deg2rad(angle), np.deg2rad(shear)
            rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
            inner = np.array([[zoom, -zoom * np.sin(slant), tx], [0, zoom * np.cos(slant), ty], [0, 0, 1]])
            where = well_inside(rotation @ inner, size)
            expected = pillow(image, Image.Transform.AFFINE, about_the_corner(rotation @ inner, size)[:6])
            np.testing.assert_allclose(result[where], expected[where], rtol=0, atol=0.05)  # Pillow's own arithmetic is in fixed point.

    @pytest.mark.parametrize("shape", [(32, 32, 3), (12, 21, 1)])
    def test_perspective_equals_pillow(self, shape: tuple[int, int, int]) -> None:
        images, size = noise(8, shape), (shape[1], shape[0])
        operation = RandomPerspective(0.6)
        draws = operation.draw(Occasion(5), 8, shape)
        for image, result, numbers in zip(images, changed(operation, images, draws), draws, strict=True):
            matrix = numbers.reshape(3, 3)
            where = well_inside(matrix, size)
            assert where.mean() > 0.2
            expected = pillow(image, Image.Transform.PERSPECTIVE, about_the_corner(matrix, size))
            np.testing.assert_allclose(result[where], expected[where], rtol=0, atol=5e-3)


class TestPerspective:
    @given(
        size=st.tuples(st.integers(2, 40), st.integers(2, 40)),
        fractions=st.lists(st.floats(0, 0.45), min_size=8, max_size=8),
    )
    @settings(max_examples=60, deadline=None, derandomize=True)
    def test_reads_the_corners_where_they_were_drawn(self, size: tuple[int, int], fractions: list[float]) -> None:
        # Never past the middle, as `draw` guarantees; with two corners in one point, or all in a line, there is no such map.
        moves = np.minimum(np.round(np.array(fractions).reshape(1, 4, 2) * np.array(size)), (np.array(size) - 1) // 2)
        half = (np.array(size) - 1) / 2
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        towards_the_middle = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * moves[0]
        moved = corners + towards_the_middle
        assume(len(np.unique(moved, axis=0)) == 4 and np.linalg.matrix_rank(moved - moved[0]) == 2)
        matrix = compute_perspective(moves, np.array(size)).reshape(3, 3).astype(np.float64)
        places = np.concatenate([corners + towards_the_middle, np.ones((4, 1))], axis=1) @ matrix.T
        # Multiplied out, for where three corners lie in a line the divisor is 0; the largest coefficient is 1.
        np.testing.assert_allclose(places[:, :2], corners * places[:, 2:], rtol=0, atol=1e-4)

    def test_draws_are_torchvisions(self) -> None:
        # The coefficients of its least squares, (x, y) of the result -> of the image, from the same corners, for 11 columns and 7 rows.
        moves, width, height = np.array([[[3, 1], [0, 2], [1, 0], [2, 2]]]), 11, 7
        ends = np.array([[3, 1], [width - 1, 2], [width - 2, height - 1], [2, height - 3]], np.float64)
        starts = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float64)
        rows = []
        for (x, y), (u, v) in zip(ends, starts, strict=True):
            rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        coefficients = np.append(np.linalg.solve(np.array(rows), starts.ravel()), 1).reshape(3, 3)
        to_middle = np.array([[1, 0, (width - 1) / 2], [0, 1, (height - 1) / 2], [0, 0, 1]])
        expected = np.linalg.inv(to_middle) @ coefficients @ to_middle
        result = compute_perspective(moves, np.array([width, height])).reshape(3, 3)
        np.testing.assert_allclose(result / result[2, 2], expected / expected[2, 2], rtol=0, atol=1e-6)

    def test_corners_move_by_every_whole_number_up_to_the_fraction_of_the_way(self) -> None:
        draws = RandomPerspective(0.5).draw(Occasion(), 3000, (12, 20, 3)).reshape(-1, 3, 3).astype(np.float64)
        # Where the image's upper left corner pixel lies in the result: moved by 0..5 columns and 0..3 rows.
        places = np.linalg.inv(draws) @ np.array([-9.5, -5.5, 1])
        moves = places[:, :2] / places[:, 2:] + np.array([9.5, 5.5])
        np.testing.assert_allclose(moves, np.round(moves), rtol=0, atol=1e-3)
        for column, furthest in enumerate((5, 3)):
            counts = np.bincount(np.round(moves[:, column]).astype(int))
            np.testing.assert_allclose(counts / 3000, 1 / (furthest + 1), rtol=0, atol=0.04)
            assert len(counts) == furthest + 1

    def test_three_corners_in_a_line_are_harmless(self) -> None:
        moves = np.array([[[8, 7], [15, 0], [0, 0], [0, 15]], [[15, 15], [15, 0], [0, 0], [0, 15]], [[15, 15]] * 4])
        result = changed(RandomPerspective(1.0, fill_value=9.0), noise(3), compute_perspective(moves, np.array([32, 32])))
        assert np.isfinite(result).all()
        assert result.min() >= -1e-4
        assert result.max() <= 255 + 1e-4

    @pytest.mark.parametrize(("fill", "expected"), [("constant", 51.0), ("nearest", 200.0)])
    def test_the_pixels_beyond_the_image_are_those_of_the_docstring(self, fill: str, expected: float) -> None:
        moves = np.array([[[6, 6]] * 4])
        result = changed(
            RandomPerspective(fill=fill, fill_value=51.0), np.full((1, 32, 32, 3), 200.0), compute_perspective(moves, np.array([32, 32]))
        )
        np.testing.assert_allclose(result[0, 6:26, 6:26], 200.0, atol=1e-3)
        np.testing.assert_allclose(result[0, :5], expected, atol=1e-3)


class TestFlips:
    @pytest.mark.parametrize("probability", [0.0, 0.25, 0.5, 1.0])
    @pytest.mark.parametrize(("flip", "axis"), [(HorizontalFlip, 2), (VerticalFlip, 1)])
    def test_flips_the_requested_fraction(self, flip: type[HorizontalFlip | VerticalFlip], axis: int, probability: float) -> None:
        images = noise(4000, (2, 2, 1))
        images[:, 0, 0], images[:, 1, 0], images[:, 0, 1] = 1, 2, 3  # so no image equals its mirror image
        operation = flip(probability)
        result = changed(operation, images, operation.draw(Occasion(), 4000, (2, 2, 1)))
        mirrored = (result == np.flip(images, axis)).all(axis=(1, 2, 3))
        np.testing.assert_array_equal(result[~mirrored], images[~mirrored])
        tolerance = 5 * np.sqrt(probability * (1 - probability) / 4000)
        assert mirrored.mean() == pytest.approx(probability, abs=tolerance)

    def test_alternating_flips_take_turns_over_all_stages(self) -> None:
        operation = AlternatingFlip()
        occasions = [Occasion(4, stage, epoch, (2,), total) for total, (stage, epoch) in enumerate([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)])]
        draws = [operation.draw(occasion, 1000, IMAGE_SHAPE) for occasion in occasions]
        for total, draw in enumerate(draws):
            np.testing.assert_array_equal(draw, draws[0] if total % 2 == 0 else 1 - draws[0])
        assert draws[0].mean() == pytest.approx(0.5, abs=0.08)
        images = noise(1000, (1, 3, 1))
        np.testing.assert_array_equal(changed(operation, images, draws[0]), changed(HorizontalFlip(), images, draws[0]))

    def test_a_fraction_of_the_images_alternates_and_the_others_never_flip(self) -> None:
        even, odd = (AlternatingFlip(0.3).draw(Occasion(total_epoch=total), 2000, IMAGE_SHAPE)[:, 0] for total in (0, 1))
        assert not (even * odd).any()
        assert (even + odd).mean() == pytest.approx(0.3, abs=0.06)
        assert even.mean() == pytest.approx(0.15, abs=0.05)


class TestCrop:
    @pytest.mark.parametrize(("fill", "mode"), [("zero", "constant"), ("constant", "constant"), ("reflect", "reflect"), ("nearest", "edge")])
    @pytest.mark.parametrize("shape", [(5, 8, 3), (2, 3, 1)])
    def test_equals_a_piece_of_numpys_padded_image(self, fill: str, mode: str, shape: tuple[int, int, int]) -> None:
        height, width, _ = shape
        padding = 7
        draws = np.array([[x, y] for x in (-7, -3, 0, 1, 7) for y in (-7, -2, 0, 5)])
        images = noise(len(draws), shape)
        value = {"constant_values": 51 if fill == "constant" else 0} if mode == "constant" else {}
        padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)), mode=mode, **value)
        result = changed(RandomCrop(padding, fill, fill_value=51.0), images, draws)
        for row, image, (x, y) in zip(result, padded, draws + padding, strict=True):
            np.testing.assert_array_equal(row, image[y : y + height, x : x + width])

    def test_every_place_is_equally_likely(self) -> None:
        draws = RandomCrop(2).draw(Occasion(), 10_000, IMAGE_SHAPE)
        places, counts = np.unique(draws, axis=0, return_counts=True)
        np.testing.assert_array_equal(places, [[x, y] for x in range(-2, 3) for y in range(-2, 3)])
        np.testing.assert_allclose(counts, 400, rtol=0, atol=5 * 20)


def boxes_of(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return columns and rows of the boxes, and check that they are whole pixels in order."""
    np.testing.assert_array_equal(draws, np.round(draws))
    sides = draws[:, 2:] - draws[:, :2]
    assert (sides >= 0).all()
    return sides[:, 0], sides[:, 1]


class TestErasing:
    def test_a_box_is_overwritten_and_nothing_else(self) -> None:
        images = noise(3, (6, 9, 3))
        expected = images.astype(np.float32)
        expected[0, 2:5, 1:8] = 77
        expected[2, 0:6, 8:9] = 77
        draws = np.array([[1, 2, 8, 5], [3, 3, 3, 3], [8, 0, 9, 6]])
        for operation in (Cutout(value=77.0), RandomErasing(value=77.0)):
            np.testing.assert_array_equal(changed(operation, images, draws), expected)

    @pytest.mark.parametrize("size", [1, 4, 5, 40])
    def test_cutouts_are_squares_about_every_pixel_clipped_at_the_border(self, size: int) -> None:
        draws = Cutout(size).draw(Occasion(), 3000, (6, 9, 3))
        boxes = {
            (max(0, x - size // 2), max(0, y - size // 2), min(9, x - size // 2 + size), min(6, y - size // 2 + size)): 1
            for x in range(9)
            for y in range(6)
        }
        assert {tuple(row) for row in draws.astype(int).tolist()} == set(boxes)

    def test_cutouts_centers_are_uniform(self) -> None:
        places, counts = np.unique(Cutout(1).draw(Occasion(), 10_000, (5, 5, 3))[:, :2], axis=0, return_counts=True)
        assert len(places) == 25
        np.testing.assert_allclose(counts, 400, rtol=0, atol=5 * 20)

    def test_erased_areas_shapes_and_places_fill_their_ranges(self) -> None:
        shape = (200, 100, 3)  # large, so that whole pixels hardly round
        draws = RandomErasing(min_area=0.05, max_area=0.1, min_aspect=0.5).draw(Occasion(), 4000, shape)
        columns, rows = boxes_of(draws)
        area, aspect = columns * rows / (200 * 100), np.log(rows / columns) / np.log(2)
        for values, low, high in ((area, 0.05, 0.1), (aspect, -1, 1), (draws[:, 0] / (100 - columns), 0, 1), (draws[:, 1] / (200 - rows), 0, 1)):
            span = high - low
            # Uniform: the quartiles lie where they should, and nothing outside but for the rounding of sides.
            np.testing.assert_allclose((np.quantile(values, [0, 0.25, 0.5, 0.75, 1]) - low) / span, [0, 0.25, 0.5, 0.75, 1], atol=0.06)

    def test_noise_fills_the_box_with_numbers_of_its_seed(self) -> None:
        images = np.full((3, 32, 32, 3), -1.0)
        draws = np.array([[0, 0, 32, 32, 5], [0, 0, 32, 32, 6], [4, 8, 12, 20, 5]])
        first, other, part = changed(RandomErasing(value="noise"), images, draws)
        np.testing.assert_array_equal(part[8:20, 4:12], first[8:20, 4:12])
        np.testing.assert_array_equal(np.delete(part, np.s_[8:20], axis=0), -1)
        assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.1
        for values in (first, other):
            np.testing.assert_allclose(np.quantile(values, [0, 0.25, 0.5, 0.75, 1]), [0, 64, 128, 191, 255], atol=8)

    def test_a_rectangle_that_does_not_fit_is_drawn_again_or_left_out(self) -> None:
        fitting = boxes_of(RandomErasing(min_area=0.5, max_area=0.9).draw(Occasion(), 500, IMAGE_SHAPE))
        assert max(fitting[0].max(), fitting[1].max()) <= 31
        assert (fitting[0] > 0).mean() > 0.9  # A quarter of the single attempts fit.
        never = boxes_of(RandomErasing(min_area=1.0, max_area=1.0).draw(Occasion(), 500, IMAGE_SHAPE))
        assert not never[0].any()
        assert not never[1].any()

    def test_refuses_a_reversed_range(self) -> None:
        with pytest.raises(UserError) as caught:
            RandomErasing(min_area=0.5, max_area=0.4)
        assert str(caught.value) == "random_erasing.min_area: expected at most max_area, 0.4, got 0.5"
