"""One pass of q over an image: attend, infer, repeat."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from attend.distributions import Choice, Redrawn
from attend.p import Generative, canvas_with
from attend.q.backdrop import WithBackdrop
from attend.q.cell import Cell, Look, draw
from attend.q.count import count_log_probs


class Trace(eqx.Module):
    """Everything one unrolled pass computed of one image; the step axis (N) comes first.

    `q_where`, `q_what` and `layers` are N distributions, or objects as the renderer draws them, stacked. `kl` is KL(q
    || p) of where and what at each step, `log_ratio` its estimate log q - log p from the draw, in nats. Where `what`
    has a category, `choice_log_probs` are log q of each, and `choice_values` log p(x | canvas after this step) with
    each of them drawn instead, without a gradient; else there are none of these. `dream_fit` is log q at each step of
    what was dreamt there; see `unroll`.
    """

    presence_logits: Float[Array, " t"]
    q_where: PyTree
    q_what: PyTree
    where: Float[Array, "t where"]
    what: Float[Array, "t d"]
    kl: Float[Array, " t"]
    log_ratio: Float[Array, " t"]
    choice_log_probs: Float[Array, "t k"]
    choice_values: Float[Array, "t k"]
    dream_fit: Float[Array, " t"]
    layers: PyTree
    canvases: Float[Array, "n h w c"]
    backdrop_kl: Float[Array, ""] | float = 0.0
    """KL(q || p) of the background's code, in nats; 0 where it has none."""
    backdrop_log_ratio: Float[Array, ""] | float = 0.0
    """Its estimate from the draw."""

    @property
    def count_log_probs(self) -> Float[Array, " n"]:
        """log q(n|x)."""
        return count_log_probs(self.presence_logits)

    @property
    def choice_probs(self) -> Float[Array, "t k"]:
        """With which the categories were drawn: q's, or where they have been weighed, those of their posterior."""
        none = jnp.zeros_like(self.choice_values)
        return jax.nn.softmax(self.q_what.logits) if isinstance(self.q_what, Choice) else none

    @property
    def log_choice(self) -> Float[Array, " t"]:
        """log q of the category that was drawn at each step; 0 where `what` has none."""
        categories = self.choice_log_probs.shape[1]
        return jnp.sum(self.what[:, :categories] * self.choice_log_probs, axis=1)


def unroll(
    p: Generative,
    q: Cell,
    image: Float[Array, "h w c"],
    key: PRNGKeyArray | None = None,
    *,
    weighed: bool = False,
    dreams: bool = False,
) -> Trace:
    """Run q for N steps on one image; without a key every latent is its mode, so the pass is deterministic.

    With `weighed`, which needs a key, the category of `what` at each step is drawn from its posterior given where and
    what has been drawn before, if the object is the last: each is painted and weighed. That distribution then takes the
    place of q's in all but `choice_log_probs`.

    With `dreams`, which needs a key too, and where q(where) is `Redrawn`, each object is painted once more with that
    part of its place drawn from the prior. q looks at the painting instead of the image and is asked for the part,
    which gets no gradient from anything else.

    q sees images and canvases as `p.seen`: what is unexplained looks as large as p takes it for.
    """
    seen = p.seen(image)

    def step(carry, key):
        before, state = carry
        memory, look = q(before, seen, p.seen(p.renderer.canvas(state)), key)
        look, choice = _choose(p, image, state, look, jax.random.fold_in(key, 0) if weighed else None)
        look, dream_fit = _dream(p, q, before, state, look, jax.random.fold_in(key, 1) if dreams else None)
        layer = p.renderer.layer(look.where, look.what)
        state = p.renderer.add(state, layer)
        kl = look.q_where.kl(p.where) + look.q_what.kl(p.what)
        log_ratio = (
            look.q_where.log_prob(look.where)
            - p.where.log_prob(look.where)
            + look.q_what.log_prob(look.what)
            - p.what.log_prob(look.what)
        )
        return (memory, state), (look, kl, log_ratio, choice, dream_fit, layer, p.renderer.canvas(state))

    code, backdrop = None, (0.0, 0.0)
    if p.background is not None:
        prior = p.background.prior()
        q_code = q.backdrop(image, p.background) if isinstance(q, WithBackdrop) else prior
        code = draw(q_code, None if key is None else jax.random.fold_in(key, 0))
        backdrop = q_code.kl(prior), q_code.log_prob(code) - prior.log_prob(code)
    empty = p.empty(code)
    steps = p.max_objects
    keys = None if key is None else jax.random.split(key, steps)
    _, (look, kl, log_ratio, choice, dream_fit, layers, canvases) = jax.lax.scan(
        step, (q.start(seen), empty), keys, steps, unroll=min(steps, 4)
    )
    return Trace(
        look.presence_logit,
        look.q_where,
        look.q_what,
        look.where,
        look.what,
        kl,
        log_ratio,
        *choice,
        dream_fit,
        layers,
        jnp.concatenate([p.renderer.canvas(empty)[None], canvases]),
        *backdrop,
    )


def _choose(
    p: Generative, image: Float[Array, "h w c"], state: PyTree, look: Look, key: PRNGKeyArray | None
) -> tuple[Look, tuple[Array, Array]]:
    """The look, its category drawn from the posterior if there is a key; and of its step, `choice_log_probs` and
    `choice_values`, the latter without a gradient."""
    if not isinstance(look.q_what, Choice) or not isinstance(p.what, Choice):
        return look, (jnp.zeros(0), jnp.zeros(0))
    alternatives = look.q_what.alternatives(look.what)
    before, where, painted = jax.lax.stop_gradient((state, look.where, alternatives))
    canvases = jax.vmap(lambda what: canvas_with(p.renderer, before, where, what))(painted)
    values = jax.lax.stop_gradient(p.likelihood.log_prob(image, canvases))
    log_probs = jax.nn.log_softmax(look.q_what.logits)
    if key is not None:
        posterior = Choice(jax.lax.stop_gradient(values + jax.nn.log_softmax(p.what.logits)), look.q_what.rest)
        drawn = jax.random.categorical(key, posterior.logits)
        look = look._replace(q_what=posterior, what=alternatives[drawn])
    return look, (log_probs, values)


def _dream(
    p: Generative, q: Cell, memory: Any, state: PyTree, look: Look, key: PRNGKeyArray | None
) -> tuple[Look, Float[Array, ""]]:
    """If there is a key and q(where) has a part to redraw: log q of that part, dreamt, and the look, in which the part
    is taken as it is. Else the look, and 0."""
    if key is None or not isinstance(look.q_where, Redrawn):
        return look, jnp.zeros(())
    part_key, cell_key = jax.random.split(key)
    before, where, what = jax.lax.stop_gradient((state, look.where, look.what))
    other = look.q_where.redrawn(where, p.where, part_key)
    dream = jax.lax.stop_gradient(canvas_with(p.renderer, before, other, what))
    _, dreamt = q(memory, p.seen(dream), p.seen(p.renderer.canvas(before)), cell_key)
    assert isinstance(dreamt.q_where, Redrawn)
    q_where, where = look.q_where.held(look.where)
    return look._replace(q_where=q_where, where=where), dreamt.q_where.redrawn_log_prob(other)
