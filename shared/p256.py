"""The curve P-256, as far as verifying needs it: points, and ECDSA (FIPS 186-5, section 6.4.2).

Only public numbers come here, so nothing has to take constant time. Points are projective, (X : Y : Z), and their
addition has no exceptions: the same formula adds, doubles and deals with infinity, so no crafted signature meets a
case that was forgotten (Renes, Costello, Batina 2016, "Complete addition formulas for prime order elliptic curves").
"""

from __future__ import annotations

Point = tuple[int, int, int]

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # how many points there are: a prime
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)
INFINITY = (0, 1, 0)


def on_curve(x: int, y: int) -> bool:
    """Whether (x, y) satisfies y² = x³ - 3x + b, with both coordinates reduced."""
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x - 3) * x - B) % P == 0


def verifies(x: int, y: int, r: int, s: int, digest: int) -> bool:
    """Whether (r, s) is the signature of a 256-bit digest by the key (x, y), a point on the curve."""
    if not (1 <= r < N and 1 <= s < N):
        return False
    inverse = pow(s, -1, N)
    found_x, _, found_z = _combination(digest * inverse % N, r * inverse % N, (x, y, 1))
    # x = X/Z, compared modulo n, and without dividing: x is r, or r + n where that is still below p.
    return found_z != 0 and any(candidate < P and (candidate * found_z - found_x) % P == 0 for candidate in (r, r + N))


def _combination(first: int, second: int, point: Point) -> Point:
    """`first`·G + `second`·point, two bits of each at a time."""
    of_point = [INFINITY, point, add(point, point), add(add(point, point), point)]
    of_both = [[add(one, other) for other in of_point] for one in _OF_G]
    total = INFINITY
    for shift in range(254, -2, -2):
        total = add(total, total)
        total = add(total, total)
        total = add(total, of_both[first >> shift & 3][second >> shift & 3])
    return total


def add(one: Point, other: Point) -> Point:
    """The sum of any two points, with a = -3 in the paper's equations (1)."""
    x1, y1, z1 = one
    x2, y2, z2 = other
    xx, yy, zz = x1 * x2, y1 * y2, z1 * z2
    xy, xz, yz = x1 * y2 + x2 * y1, x1 * z2 + x2 * z1, y1 * z2 + y2 * z1
    third = 3 * (B * zz - xz) % P  # a·xz + 3b·zz
    cross = 3 * (B * xz - xx - 3 * zz) % P  # a·xx + 3b·xz - a²·zz
    slope = 3 * (xx - zz) % P  # 3xx + a·zz
    below, above = yy - third, yy + third
    return (xy * below - yz * cross) % P, (slope * cross + above * below) % P, (yz * above + xy * slope) % P


_OF_G = [INFINITY, G, add(G, G), add(add(G, G), G)]
