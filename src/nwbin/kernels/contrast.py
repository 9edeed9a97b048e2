"""The compiled function that fits curves of response by contrast: least squares by Levenberg and Marquardt.

The steps are those of Moré (1978, "The Levenberg-Marquardt algorithm: implementation and theory") with the constants
of MINPACK, which SciPy has, so that a fit goes the same way from the same start; where two of its many directions are
as good as each other, what is last in a number decides, here as there.

Words: m contrasts, N = 4 parameters b, c, d, e of ``c + (d - c) / (1 + exp(b (ln x - ln e)))``.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from typing import Any

import numpy as np

from nwbin.kernels.common import helper, kernel
from nwbin.kernels.settings import config

__all__ = ["COMPILED", "fit_contrast_curves"]

_SETTINGS: Any = config
COMPILED = not _SETTINGS.DISABLE_JIT

N = 4
EPS = 2.220446049250313e-16
LEAST = 2.2250738585072014e-308
TOLERANCE = 1.49012e-8  # of the sum of squares, and of the parameters: SciPy's
FACTOR = 100.0


@helper
def _larger(a, b):
    """The larger one; b where either is no number."""
    return a if a >= b else b


@helper
def _smaller(a, b):
    return a if a <= b else b


@helper
def _misfit(x, log, y, out):
    shift = np.log(x[3])
    for i in range(log.size):
        out[i] = x[1] + (x[2] - x[1]) / (1 + np.exp(x[0] * (log[i] - shift))) - y[i]


@helper
def _norm(v, n):
    total = 0.0
    for i in range(n):
        total += v[i] * v[i]
    return np.sqrt(total)


@helper
def _norm_from(jac, j, first, last):
    total = 0.0
    for i in range(first, last):
        total += jac[j, i] * jac[j, i]
    return np.sqrt(total)


@helper
def _jacobian(x, log, y, f, jac, work):
    """By forward differences; jac is (N, m), a row for each parameter."""
    step = np.sqrt(EPS)
    for j in range(N):
        keep = x[j]
        h = step * abs(keep)
        if h == 0.0:
            h = step
        x[j] = keep + h
        _misfit(x, log, y, work)
        x[j] = keep
        for i in range(f.size):
            jac[j, i] = (work[i] - f[i]) / h


@helper
def _factor(jac, pivot, r, norms, f):
    """Factor jac into Q and R, columns in order of what is left of them; f becomes Q's transpose times f.

    r : (N, N), upper triangle. norms : of the columns, before.
    """
    m = f.size
    left = np.empty(N)
    was = np.empty(N)
    for j in range(N):
        norms[j] = _norm_from(jac, j, 0, m)
        left[j] = was[j] = norms[j]
        pivot[j] = j
    for j in range(N):
        best = j
        for k in range(j, N):
            if left[k] > left[best]:
                best = k
        if best != j:
            for i in range(m):
                jac[j, i], jac[best, i] = jac[best, i], jac[j, i]
            left[best] = left[j]
            was[best] = was[j]
            pivot[j], pivot[best] = pivot[best], pivot[j]
        size = _norm_from(jac, j, j, m)
        if size == 0.0:
            r[j, j] = 0.0
        else:
            if jac[j, j] < 0.0:
                size = -size
            for i in range(j, m):
                jac[j, i] /= size
            jac[j, j] += 1.0
            for k in range(j + 1, N):
                total = 0.0
                for i in range(j, m):
                    total += jac[j, i] * jac[k, i]
                share = total / jac[j, j]
                for i in range(j, m):
                    jac[k, i] -= share * jac[j, i]
                if left[k] != 0.0:
                    ratio = jac[k, j] / left[k]
                    left[k] *= np.sqrt(_larger(0.0, 1.0 - ratio * ratio))
                    if 0.05 * (left[k] / was[k]) ** 2 <= EPS:
                        left[k] = _norm_from(jac, k, j + 1, m)
                        was[k] = left[k]
            total = 0.0
            for i in range(j, m):
                total += jac[j, i] * f[i]
            share = total / jac[j, j]
            for i in range(j, m):
                f[i] -= share * jac[j, i]
            r[j, j] = -size
    for j in range(N):  # at the end: until then columns change places
        for k in range(j + 1, N):
            r[j, k] = jac[k, j]


@helper
def _damped(r, pivot, damping, qtf, x, s, s_diagonal):
    """Solve for x the least squares of R x = qtf and damping x = 0 together, by rotating the damping into R.

    s : (N, N), the triangle that R becomes, its diagonal in s_diagonal.
    """
    right = np.empty(N)
    for j in range(N):
        right[j] = qtf[j]
    for j in range(N):
        for k in range(j, N):
            s[j, k] = r[j, k]
    row = np.empty(N)
    for j in range(N):
        size = damping[pivot[j]]
        if size != 0.0:
            for k in range(j, N):
                row[k] = 0.0
            row[j] = size
            rest = 0.0
            for k in range(j, N):
                if row[k] == 0.0:
                    continue
                if abs(s[k, k]) < abs(row[k]):
                    ratio = s[k, k] / row[k]
                    sine = 0.5 / np.sqrt(0.25 + 0.25 * ratio * ratio)
                    cosine = sine * ratio
                else:
                    ratio = row[k] / s[k, k]
                    cosine = 0.5 / np.sqrt(0.25 + 0.25 * ratio * ratio)
                    sine = cosine * ratio
                s[k, k] = cosine * s[k, k] + sine * row[k]
                value = cosine * right[k] + sine * rest
                rest = -sine * right[k] + cosine * rest
                right[k] = value
                for i in range(k + 1, N):
                    value = cosine * s[k, i] + sine * row[i]
                    row[i] = -sine * s[k, i] + cosine * row[i]
                    s[k, i] = value
        s_diagonal[j] = s[j, j]
    regular = N
    for j in range(N):
        if s_diagonal[j] == 0.0 and regular == N:
            regular = j
        if regular < N:
            right[j] = 0.0
    for j in range(regular - 1, -1, -1):
        total = 0.0
        for k in range(j + 1, regular):
            total += s[j, k] * right[k]
        right[j] = (right[j] - total) / s_diagonal[j]
    for j in range(N):
        x[pivot[j]] = right[j]


@helper
def _step(r, pivot, scale, qtf, radius, par, x):
    """Find the damping whose step x is as long as the radius, to a tenth; returns it."""
    work, scaled, s, s_diagonal = np.empty(N), np.empty(N), np.zeros((N, N)), np.empty(N)
    regular = N
    for j in range(N):
        work[j] = qtf[j]
        if r[j, j] == 0.0 and regular == N:
            regular = j
        if regular < N:
            work[j] = 0.0
    for j in range(regular - 1, -1, -1):
        work[j] /= r[j, j]
        for i in range(j):
            work[i] -= r[i, j] * work[j]
    for j in range(N):
        x[pivot[j]] = work[j]
    for j in range(N):
        scaled[j] = scale[j] * x[j]
    length = _norm(scaled, N)
    over = length - radius
    if over <= 0.1 * radius:
        return 0.0
    low = 0.0
    if regular >= N:
        for j in range(N):
            work[j] = scale[pivot[j]] * (scaled[pivot[j]] / length)
        for j in range(N):
            total = 0.0
            for i in range(j):
                total += r[i, j] * work[i]
            work[j] = (work[j] - total) / r[j, j]
        size = _norm(work, N)
        low = ((over / radius) / size) / size
    for j in range(N):
        total = 0.0
        for i in range(j + 1):
            total += r[i, j] * qtf[i]
        work[j] = total / scale[pivot[j]]
    gradient = _norm(work, N)
    high = gradient / radius
    if high == 0.0:
        high = LEAST / _smaller(radius, 0.1)
    par = _smaller(_larger(par, low), high)
    if par == 0.0:
        par = gradient / length
    for turn in range(1, 11):
        if par == 0.0:
            par = _larger(LEAST, 0.001 * high)
        root = np.sqrt(par)
        for j in range(N):
            work[j] = root * scale[j]
        _damped(r, pivot, work, qtf, x, s, s_diagonal)
        for j in range(N):
            scaled[j] = scale[j] * x[j]
        length = _norm(scaled, N)
        before = over
        over = length - radius
        if abs(over) <= 0.1 * radius or (low == 0.0 and over <= before and before < 0.0) or turn == 10:
            break
        for j in range(N):
            work[j] = scale[pivot[j]] * (scaled[pivot[j]] / length)
        for j in range(N):
            work[j] /= s_diagonal[j]
            for i in range(j + 1, N):
                work[i] -= s[j, i] * work[j]
        size = _norm(work, N)
        correction = ((over / radius) / size) / size
        if over > 0.0:
            low = _larger(low, par)
        if over < 0.0:
            high = _smaller(high, par)
        par = _larger(low, par + correction)
    return par


@helper
def _fit(x, log, y, most):
    """Fit from x on, in place; whether it came to an end before `most` calls."""
    m = log.size
    f, new, work = np.empty(m), np.empty(m), np.empty(m)
    jac, r, pivot = np.empty((N, m)), np.zeros((N, N)), np.empty(N, np.int64)
    norms, scale, step, tried, turned = np.empty(N), np.empty(N), np.empty(N), np.empty(N), np.empty(N)
    _misfit(x, log, y, f)
    size = _norm(f, m)
    calls, par, radius, length, first = 1, 0.0, 0.0, 0.0, True
    while True:
        _jacobian(x, log, y, f, jac, work)
        calls += N
        for i in range(m):
            work[i] = f[i]
        _factor(jac, pivot, r, norms, work)
        if first:
            for j in range(N):
                scale[j] = norms[j] if norms[j] != 0.0 else 1.0
                turned[j] = scale[j] * x[j]
            length = _norm(turned, N)
            radius = FACTOR * length
            if radius == 0.0:
                radius = FACTOR
        slope = 0.0
        if size != 0.0:
            for j in range(N):
                if norms[pivot[j]] != 0.0:
                    total = 0.0
                    for i in range(j + 1):
                        total += r[i, j] * (work[i] / size)
                    slope = _larger(slope, abs(total / norms[pivot[j]]))
        if slope <= 0.0:
            return True
        for j in range(N):
            scale[j] = _larger(scale[j], norms[j])
        ratio = 0.0
        while True:
            par = _step(r, pivot, scale, work, radius, par, step)
            for j in range(N):
                step[j] = -step[j]
                tried[j] = x[j] + step[j]
                turned[j] = scale[j] * step[j]
            moved = _norm(turned, N)
            if first:
                radius = _smaller(radius, moved)
            _misfit(tried, log, y, new)
            calls += 1
            new_size = _norm(new, m)
            actual = -1.0
            if 0.1 * new_size < size:
                actual = 1.0 - (new_size / size) ** 2
            for j in range(N):
                turned[j] = 0.0
            for j in range(N):
                for i in range(j + 1):
                    turned[i] += r[i, j] * step[pivot[j]]
            linear = _norm(turned, N) / size
            damped = np.sqrt(par) * moved / size
            expected = linear * linear + damped * damped / 0.5
            downhill = -(linear * linear + damped * damped)
            ratio = 0.0
            if expected != 0.0:
                ratio = actual / expected
            if ratio <= 0.25:
                by = 0.5
                if actual < 0.0:
                    by = 0.5 * downhill / (downhill + 0.5 * actual)
                if 0.1 * new_size >= size or by < 0.1:
                    by = 0.1
                radius = by * _smaller(radius, moved / 0.1)
                par /= by
            elif par == 0.0 or ratio >= 0.75:
                radius = moved / 0.5
                par *= 0.5
            if ratio >= 1e-4:
                for j in range(N):
                    x[j] = tried[j]
                    turned[j] = scale[j] * x[j]
                for i in range(m):
                    f[i] = new[i]
                length = _norm(turned, N)
                size = new_size
                first = False
            flat = abs(actual) <= TOLERANCE and expected <= TOLERANCE and 0.5 * ratio <= 1.0
            if flat or radius <= TOLERANCE * length:
                return True
            if calls >= most:
                return False
            if abs(actual) <= EPS and expected <= EPS and 0.5 * ratio <= 1.0:
                return False
            if radius <= EPS * length or slope <= EPS:
                return False
            if not ratio < 1e-4:
                break


@kernel
def fit_contrast_curves(log, responses, most, parameters, settled):
    """Fit a curve to each unit's responses, all parameters 1 at first.

    log : float64 (m,), of the contrasts, m at least N. responses : float64 (units, m). most : calls of the curve.
    parameters : float64 (units, N), to be filled. settled : bool (units,), to be filled: whether the fit came to an
    end.
    """
    x, y = np.empty(N), np.empty(log.size)
    for u in range(responses.shape[0]):
        for j in range(N):
            x[j] = 1.0
        for i in range(log.size):
            y[i] = responses[u, i]
        settled[u] = _fit(x, log, y, most)
        for j in range(N):
            parameters[u, j] = x[j]
