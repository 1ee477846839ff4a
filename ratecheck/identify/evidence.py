"""What an investigation has seen and what it makes of it: one belief for each announced limit, one for a hidden one."""

from ratecheck.identify.belief import Belief
from ratecheck.identify.hypotheses import Observation
from ratecheck.identify.sight import Sight, Track, track_of
from ratecheck.identify.space import announced, unannounced
from ratecheck.identify.weigh import last_share
from ratecheck.model import Dimension


class Evidence:
    """Sights in order, and the beliefs that they leave."""

    def __init__(self) -> None:
        self.sights: list[Sight] = []
        self.tracks: dict[Track, Belief] = {}
        self.changed: list[tuple[Track, int, int, int]] = []
        """Announced limits that changed on the way: which, from, to, at which request."""
        self.enforced: Belief | None = None
        """What admissions and refusals alone say, once a refusal was not announced."""
        self.restarts = 0

    @property
    def main(self) -> Belief | None:
        """The belief about the limit on requests that is enforced first."""
        if self.enforced is not None:
            return self.enforced
        mine = [belief for track, belief in self.tracks.items() if track.dimension is Dimension.REQUESTS]
        return min(mine, key=last_share, default=None)

    def take_in(self, sight: Sight) -> None:
        """Keep what was seen, and tell every belief about the first key's limits."""
        self.sights.append(sight)
        if sight.key == 0:
            self._learn(sight)

    def _learn(self, sight: Sight) -> None:
        """Tell every belief about key 0 what happened."""
        readings = {track: limit for limit in sight.limits if (track := track_of(limit)) is not None}
        culprit = self._culprit(sight)
        explained = False
        for track in [*self.tracks, *(track for track in readings if track not in self.tracks)]:
            reading = readings.get(track)
            mine = track.dimension is Dimension.REQUESTS
            if sight.admitted is False:
                blamed = mine and culprit in (None, track) and (reading is None or (reading.remaining or 0) <= 1)
                explained = explained or blamed
                observation = sight.observation(reading, units=1 if blamed else None)
            else:
                observation = sight.observation(reading, units=1 if mine else None)
            self._tell(track, reading.limit if reading else None, observation)
        # Only what another dimension's limit refused says nothing about requests.
        if sight.admitted is False and sight.refused_dimension not in (None, Dimension.REQUESTS):
            return
        observation = sight.observation(None)
        if self.enforced is not None:
            self.enforced.observe(observation)
            self._restart_when_lost()
        elif sight.admitted is False and not explained and any(each.admitted and each.key == 0 for each in self.sights):
            self.enforced = self._from_admissions(0)

    def _tell(self, track: Track, limit: int | None, observation: Observation) -> None:
        belief = self.tracks.get(track)
        if belief is None:
            if limit is None:
                return
            self.tracks[track] = Belief(announced(observation), [observation])
            return
        known = next((seen.limit for seen in reversed(belief.history) if seen.limit is not None), None)
        if limit is not None and known is not None and limit != known:
            self.changed.append((track, known, limit, len(self.sights)))
            self.tracks[track] = Belief(announced(observation), [observation])
        else:
            belief.observe(observation)

    def _culprit(self, sight: Sight) -> Track | None:
        """Return which of several announced request limits refused: the one that says it is used up."""
        used_up = [
            track
            for limit in sight.limits
            if (track := track_of(limit)) is not None and track.dimension is Dimension.REQUESTS and limit.remaining == 0
        ]
        return used_up[0] if len(used_up) == 1 else None

    def _from_admissions(self, since: int) -> Belief:
        mine = [sight for sight in self.sights[since:] if sight.key == 0]
        # What was refused before the first admission tells that the limit was in use, and nothing else.
        first = next((i for i, sight in enumerate(mine) if sight.admitted), 0)
        history = [sight.observation(None) for sight in mine[first:]]
        first_refusal = next((i for i, seen in enumerate(history) if seen.admitted is False), len(history) - 1)
        return Belief(unannounced(history[: first_refusal + 1]), history)

    def _restart_when_lost(self) -> None:
        """Begin afresh where nothing fits: the limit was partly used before, or changed on the way."""
        assert self.enforced is not None
        best = max(self.enforced.alive, key=lambda hypothesis: hypothesis.score, default=None)
        if best is None or best.misses < 2 or self.restarts >= 2:
            return
        starts = [
            index
            for index in range(1, len(self.sights))
            if self.sights[index].admitted and self.sights[index - 1].admitted is False
        ]
        ended = [index for index in starts if any(sight.admitted is False for sight in self.sights[index:])]
        if ended and self.sights[-1].admitted is False:
            fresh = self._from_admissions(ended[-1])
            if fresh.alive:
                self.restarts += 1
                self.enforced = fresh
