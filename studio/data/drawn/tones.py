"""Spoken tones: synthesised voices as spectrograms."""

from __future__ import annotations

import numpy as np

from studio.data.chance import Chance
from studio.data.facts import Arrays, Facts

CLASSES = ("level", "rising", "dipping", "falling")
#: Samples of sound a second, length of a sound in samples, and of a window of the spectrogram.
RATE, LENGTH, WINDOW, HOP = 4000, 1664, 128, 64
#: Rows (frequencies, the highest on top) and columns (time) of a picture.
ROWS, COLUMNS = 32, 24
_HARMONICS = 10
_PIECE = 256


def facts(samples: int) -> Facts:
    """What the set holds."""
    return Facts(
        "Spoken tones", (ROWS, COLUMNS, 1), "labels", samples, classes=CLASSES,
        notes=("Synthesised voices that say a vowel in one of four tones, as spectrograms: time from left to right, pitch upwards.",),
    )


def sounds(samples: int, noise: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Synthesise voices.

    Returns
    -------
    sound : numpy.ndarray
        float32 ``(samples, LENGTH)``, about -1 to 1, at `RATE` samples a second.
    labels : numpy.ndarray
        int64 ``(samples,)``: the tone.
    """
    labels = np.arange(samples, dtype=np.int64) % len(CLASSES)
    u = Chance(seed, "tones").uniform(samples, 6)
    jitter = Chance(seed, "tones jitter")
    sound = np.empty((samples, LENGTH), np.float32)
    t = np.linspace(0.0, 1.0, LENGTH)
    for start in range(0, samples, _PIECE):
        part = slice(start, min(samples, start + _PIECE))
        sound[part] = _voices(labels[part], u[part], t)
        sound[part] += 0.5 * noise * jitter.normal(len(sound[part]), LENGTH)
    return sound, labels


def _voices(labels: np.ndarray, u: np.ndarray, t: np.ndarray) -> np.ndarray:
    base = 110.0 + 90.0 * u[:, :1]  # Hz: low and high voices
    span = 0.35 + 0.3 * u[:, 1:2]
    contours = np.stack([0.0 * t, t - 0.5, (2.0 * t - 1.0) ** 2 - 0.5, 0.5 - t])
    pitch = base * 2.0 ** (span * contours[labels] + 0.05 * (u[:, 2:3] - 0.5))
    phase = 2.0 * np.pi * np.cumsum(pitch, axis=1) / RATE
    first, second = 300.0 + 500.0 * u[:, 3:4], 900.0 + 800.0 * u[:, 4:5]  # formants of a vowel
    total = np.zeros_like(pitch)
    for n in range(1, _HARMONICS + 1):
        frequency = n * pitch
        strength = 1.0 / (1.0 + ((frequency - first) / 180.0) ** 2) + 0.6 / (1.0 + ((frequency - second) / 220.0) ** 2)
        total += np.where(frequency < 0.45 * RATE, strength + 0.05, 0.0) * np.sin(n * phase)
    envelope = np.minimum(1.0, np.minimum(t, 1.0 - t) / 0.08) * (0.6 + 0.4 * u[:, 5:6])
    return np.asarray(0.5 * total * envelope)


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """Strength of `ROWS` frequencies over time, in decibels above a floor, 0 to 1.

    Parameters
    ----------
    sound : numpy.ndarray
        ``(samples, LENGTH)``.

    Returns
    -------
    numpy.ndarray
        float32 ``(samples, ROWS, COLUMNS, 1)``.
    """
    frames = np.lib.stride_tricks.sliding_window_view(sound, WINDOW, axis=1)[:, ::HOP][:, :COLUMNS]
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)
    # Filled with zeros to four times the length, so that a glide of a few Hz moves through rows.
    strength = np.abs(np.fft.rfft(frames * window, 4 * WINDOW, axis=-1))[..., 8 : 8 + 2 * ROWS]
    strength = strength.reshape(*strength.shape[:2], ROWS, 2).max(axis=-1)
    decibels = 20.0 * np.log10(strength + 1e-2)
    picture = np.clip((decibels + 20.0) / 60.0, 0.0, 1.0)
    return np.asarray(picture.transpose(0, 2, 1)[:, ::-1, :, None], np.float32)


def arrays(samples: int, noise: float, seed: int) -> Arrays:
    """Synthesise voices and look at their frequencies."""
    sound, labels = sounds(samples, noise, seed)
    pictures = [spectrogram(sound[start : start + _PIECE]) for start in range(0, samples, _PIECE)]
    return Arrays(np.concatenate(pictures), labels)
