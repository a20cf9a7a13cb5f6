"""What must happen on the server in one step, as scripts for Redis 6.2 and later.

Time comes from the server's clock. Names of keys that a script finds for itself are not declared
to it, so it needs a server that is not a cluster.

Each tag has an index, a sorted set of keys by the millisecond in which their entries expire. It
says neither too much nor too little: an entry leaves it when it is replaced or deleted, what
expired leaves at the next write of the tag, and the set expires with its last member.

Another program may write what it likes under our names. An index of another type is deleted, a
lease that would never end is nobody's, and a counter that is no number begins anew.
"""

from __future__ import annotations

import hashlib
from typing import Final

from .format import HEADER_BYTES, MAGIC


class Script:
    """A script and the digest that the server knows it by."""

    def __init__(self, text: str) -> None:
        self.text = text.encode()
        digest = hashlib.sha1(self.text, usedforsecurity=False)
        self.digest = digest.hexdigest().encode()


# The magic is written as its bytes in decimal, which is how this language escapes them.
_MAGIC: Final = "".join(rf"\{byte:03d}" for byte in MAGIC)
_HEADER: Final = f"""
local function header_of(name)
  local header = redis.pcall('GETRANGE', name, 0, {HEADER_BYTES - 1})
  if type(header) ~= 'string' or #header < {HEADER_BYTES}
    or string.sub(header, 1, {len(MAGIC)}) ~= '{_MAGIC}'
  then return '' end
  return header
end
"""
_INDEX: Final = (
    _HEADER
    + f"""
local function tags_of(name)
  local tags, header = {{}}, header_of(name)
  if header == '' then return tags end
  local length = struct.unpack('>I4', header, {len(MAGIC) + 1})
  if length == 0 then return tags end
  local raw = redis.call('GETRANGE', name, {HEADER_BYTES}, {HEADER_BYTES - 1} + length)
  local here = 1
  while here < #raw do
    local size = struct.unpack('>I2', raw, here)
    tags[#tags + 1] = string.sub(raw, here + 2, here + 1 + size)
    here = here + 2 + size
  end
  return tags
end

local function leave(tags, key, tag_prefix)
  for _, tag in ipairs(tags) do redis.pcall('ZREM', tag_prefix .. tag, key) end
end

local function is_refused(answer)
  return type(answer) == 'table' and answer.err ~= nil
end

local function forget(name, key, tag_prefix)
  leave(tags_of(name), key, tag_prefix)
  return redis.call('UNLINK', name)
end
"""
)
_PUT: Final = (
    _INDEX
    + """
local function put(name, key, value, milliseconds, tag_prefix, first_tag)
  local lasts, tags = tonumber(milliseconds), tags_of(name)
  if lasts == 0 then forget(name, key, tag_prefix) return end
  local score, now = '+inf', redis.call('TIME')
  now = now[1] * 1000 + math.floor(now[2] / 1000)
  if lasts < 0 then
    redis.call('SET', name, value)
  else
    redis.call('SET', name, value, 'PX', milliseconds)
    score = string.format('%.0f', now + lasts)
  end
  -- Not before: a server that is full lets a script go on once it has written something.
  leave(tags, key, tag_prefix)
  for place = first_tag, #ARGV do
    local index = tag_prefix .. ARGV[place]
    if is_refused(redis.pcall('ZREMRANGEBYSCORE', index, '-inf', string.format('%.0f', now))) then
      redis.call('UNLINK', index)
    end
    redis.call('ZADD', index, score, key)
    local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
    if last == 'inf' then redis.call('PERSIST', index)
    else redis.call('PEXPIREAT', index, string.format('%.0f', tonumber(last))) end
  end
end
"""
)

# KEYS entry; ARGV key, value, milliseconds (0 expired, -1 for ever), tag prefix, tags...
WRITE: Final = Script(_PUT + "put(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 5) return 1")

# KEYS entry, lease, counter of fences; ARGV token, milliseconds, now, known header or '?'.
# Gives the fence when the lease was taken, else the milliseconds that another has left;
# the known header; and the entry, where it is of use and nothing need be made.
CLAIM: Final = Script(
    _HEADER
    + """
local header = header_of(KEYS[1])
if header ~= '' then
  local of_use = header ~= ARGV[4]
  if ARGV[4] == '?' then of_use = struct.unpack('>d', header, 25) > tonumber(ARGV[3]) end
  if of_use then return {false, 0, header, redis.call('GET', KEYS[1])} end
end
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
  local left = redis.call('PTTL', KEYS[2])
  if left >= 0 then return {false, left, header, false} end
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
end
-- The clock keeps the numbers rising when the counter was evicted, the counter when it is set back.
local now, known = redis.call('TIME'), redis.pcall('GET', KEYS[3])
known = type(known) == 'string' and tonumber(known) or 0
local fence = math.max(known + 1, now[1] * 1000000 + now[2])
fence = string.format('%.0f', fence)
redis.call('SET', KEYS[3], fence)
return {fence, 0, header, false}
"""
)

# KEYS lease; ARGV token, milliseconds.
RENEW: Final = Script(
    """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
)

# KEYS lease; ARGV token, channel.
RELEASE: Final = Script(
    """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return redis.call('PUBLISH', ARGV[2], '')
"""
)

# KEYS entry, lease; ARGV token, fence, channel, key, value, milliseconds, tag prefix, tags...
COMPLETE: Final = Script(
    _PUT
    + """
if redis.pcall('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local header, written = header_of(KEYS[1]), 0
if header == '' or struct.unpack('>d', header, 9) <= tonumber(ARGV[2]) then
  put(KEYS[1], ARGV[4], ARGV[5], ARGV[6], ARGV[7], 8)
  written = 1
end
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[3], '')
return written
"""
)

# ARGV entry prefix, lease prefix, channel prefix, tag prefix, keys... An answer that is under way
# for a deleted key is not kept either: it loses its lease.
DELETE: Final = Script(
    _INDEX
    + """
local deleted = 0
for place = 5, #ARGV do
  local key = ARGV[place]
  deleted = deleted + forget(ARGV[1] .. key, key, ARGV[4])
  if redis.call('UNLINK', ARGV[2] .. key) == 1 then redis.call('PUBLISH', ARGV[3] .. key, '') end
end
return deleted
"""
)

# KEYS index; ARGV tag, most members, entry prefix, tag prefix. Gives how many members were seen
# and how many entries deleted. An entry may stand in the index without its tag when another was
# evicted or deleted by somebody else, and then written anew.
DELETE_TAGGED: Final = Script(
    _INDEX
    + """
local members = redis.pcall('ZRANGE', KEYS[1], 0, tonumber(ARGV[2]) - 1)
if is_refused(members) then
  redis.call('UNLINK', KEYS[1])
  return {0, 0}
end
local deleted = 0
for _, key in ipairs(members) do
  local name = ARGV[3] .. key
  for _, tag in ipairs(tags_of(name)) do
    if tag == ARGV[1] then deleted = deleted + forget(name, key, ARGV[4]) break end
  end
end
if #members > 0 then redis.call('ZREM', KEYS[1], unpack(members)) end
return {#members, deleted}
"""
)
