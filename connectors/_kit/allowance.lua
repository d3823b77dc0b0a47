-- The books of `allowance.py` in Redis, one script for every entry, so that an entry is made whole or not at all.
-- KEYS: the books (a hash), who waits (a hash). ARGV: the entry, `now` in µs ('' for Redis' own clock), the terms (rate,
-- burst, daily, reserve), then the entry's own. Gives an array of texts. The sums are those of `allowance.py`.

local SECOND, MINUTE, DAY = 1000000, 60000000, 86400000000
local SHARES = {8, 3, 3, 1, 1}
local EASE, EASE_ONCE, GROW, LEAST, FORGET = 0.7, 2 * SECOND, 30, 0.05, 4
local LOOK, LONGEST_QUIET = 5 * MINUTE, MINUTE
local FAILURES, FIRST_REST, LONGEST_REST, PROBE, LOOK_AGAIN = 5, 2 * SECOND, 5 * MINUTE, 2 * MINUTE, 5 * SECOND
local STILL_THERE = 500000
local CONSENT, LIVE = 0, 2
local KEPT_MS = 3 * 86400000

local entry = ARGV[1]
local now
if ARGV[2] == '' then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * SECOND + tonumber(time[2])
else
  now = tonumber(ARGV[2])
end
local terms = {rate = tonumber(ARGV[3]), burst = tonumber(ARGV[4]), daily = tonumber(ARGV[5]), reserve = tonumber(ARGV[6])}

local s, changed = {}, {}
local raw = redis.call('HGETALL', KEYS[1])
for place = 1, #raw, 2 do s[raw[place]] = tonumber(raw[place + 1]) end
local function at(name) return s[name] or 0 end
local function put(name, value) s[name] = value; changed[name] = true end
local function text(number) return string.format('%.17g', number) end

local waiting = {}
local function known_waiting()
  local found = redis.call('HGETALL', KEYS[2])
  for place = 1, #found, 2 do
    local lane, calls, since, until_ = string.match(found[place + 1], '^(%S+) (%S+) (%S+) (%S+)$')
    waiting[found[place]] =
      {lane = tonumber(lane), calls = tonumber(calls), since = tonumber(since), until_ = tonumber(until_)}
  end
end
local function leave(who)
  waiting[who] = nil
  redis.call('HDEL', KEYS[2], who)
end

-- The day

local function day_of()
  local allowed = at('day_allowed')
  if allowed > 0 then
    while at('day_resets_at') > 0 and at('day_resets_at') <= now do
      put('day_left', allowed); put('today', 0); put('day_resets_at', at('day_resets_at') + DAY)
    end
    return at('day_left') - at('today'), allowed
  end
  if terms.daily <= 0 then return 0, 0 end
  local day = math.floor(now / DAY)
  if at('day') ~= day then put('day', day); put('today', 0) end
  return terms.daily - at('today'), terms.daily
end

local function short(lane, calls)
  local left, allowed = day_of()
  local kept = 0
  if lane ~= CONSENT then kept = allowed * terms.reserve end
  return allowed > 0 and left - calls < kept
end

local function resets_at()
  if at('day_resets_at') > 0 then return at('day_resets_at') end
  return (math.floor(now / DAY) + 1) * DAY
end

-- The pace

local function pace()
  if at('eased_at') == 0 then return terms.rate end
  local grown = at('pace') + at('step') * (now - at('eased_at')) / SECOND
  if terms.rate > 0 then return math.min(terms.rate, grown) end
  if grown < FORGET * at('pace') then return grown end
  return 0
end

local function refill()
  local rate = pace()
  if s['filled_at'] == nil then
    put('level', terms.burst); put('filled_at', now)
  elseif now > at('filled_at') then
    put('level', math.min(terms.burst, at('level') + rate * (now - at('filled_at')) / SECOND)); put('filled_at', now)
  end
  if rate <= 0 then put('level', terms.burst) end
  return rate
end

local function ease()
  if now - at('eased_at') < EASE_ONCE then return end
  local rate = refill()
  if rate <= 0 then rate = math.max(1, at('before'), at('count')) end
  local whole = rate
  if terms.rate > 0 then whole = terms.rate end
  put('pace', math.max(rate * EASE, whole * LEAST)); put('step', whole / GROW); put('eased_at', now)
end

-- Whose turn it is

local function starts()
  local found = {}
  for lane = 0, #SHARES - 1 do found[lane] = math.max(at('lane' .. lane), at('place')) end
  return found
end

local function ahead(lane, calls, who)
  local since = now
  if waiting[who] then since = waiting[who].since end
  local queue = {{who = who, lane = lane, calls = calls, since = since}}
  for one, known in pairs(waiting) do
    if one ~= who then table.insert(queue, {who = one, lane = known.lane, calls = known.calls, since = known.since}) end
  end
  table.sort(queue, function(a, b) return a.since < b.since or (a.since == b.since and a.who < b.who) end)
  local start, total = starts(), 0
  while true do
    local first = nil
    for _, one in ipairs(queue) do
      if first == nil or start[one.lane] < start[first] or (start[one.lane] == start[first] and one.lane < first) then
        first = one.lane
      end
    end
    for place, one in ipairs(queue) do
      if one.lane == first then
        if one.who == who then return total end
        total = total + math.min(one.calls, terms.burst)
        start[first] = start[first] + one.calls / SHARES[first + 1]
        table.remove(queue, place)
        break
      end
    end
  end
end

local function shut(lane, calls)
  if at('rest_until') > now then return 'resting', at('rest_until') end
  if at('rests') > 0 and at('probe_until') > now then
    return 'resting', math.min(at('probe_until'), now + LOOK_AGAIN)
  end
  if at('used_up_until') > now then return 'used_up', at('used_up_until') end
  if at('quiet_until') > now then return 'quiet', at('quiet_until') end
  if at('window_until') > now and at('window_left') < math.min(calls, math.max(1, at('window_told'))) then
    return 'quiet', at('window_until')
  end
  if not short(lane, calls) then return '', 0 end
  if at('day_allowed') > 0 and at('day_resets_at') == 0 then
    if at('look_at') <= now then return '', 0 end
    return 'used_up', at('look_at')
  end
  return 'used_up', resets_at()
end

local function turn(lane, calls, who)
  local rate = refill()
  if rate <= 0 then return 0 end
  for one, known in pairs(waiting) do
    if known.until_ < now and one ~= who then leave(one) end
  end
  local missing = ahead(lane, calls, who) + math.min(calls, terms.burst) - at('level')
  if missing <= 1e-9 then return 0 end
  return math.floor(missing / rate * SECOND) + 1
end

local function book(lane, calls, who)
  local start = starts()
  leave(who)
  local place = start[lane]
  for _, known in pairs(waiting) do place = math.min(place, start[known.lane]) end
  put('place', place)
  put('lane' .. lane, start[lane] + calls / SHARES[lane + 1])
  put('level', at('level') - calls)
  put('calls', at('calls') + calls)
  put('window_left', at('window_left') - calls)
  if short(lane, calls) then put('look_at', now + LOOK) end
  put('today', at('today') + calls)
  local second = math.floor(now / SECOND)
  if second ~= at('second') then
    local before = 0
    if second == at('second') + 1 then before = at('count') end
    put('before', before); put('second', second); put('count', 0)
  end
  put('count', at('count') + calls)
  if at('rests') > 0 then put('probe_until', now + PROBE) end
end

-- The entries

local entries = {}

function entries.ask()
  local lane, calls, who = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
  known_waiting()
  local why, until_ = shut(lane, calls)
  if why ~= '' then
    leave(who)
    return {'0', text(math.max(1, until_ - now)), why, '0', '0'}
  end
  local wait = turn(lane, calls, who)
  if wait > 0 then
    local since = now
    if waiting[who] then since = waiting[who].since end
    local gone_at = now + math.min(wait, SECOND) + STILL_THERE
    redis.call('HSET', KEYS[2], who, table.concat({text(lane), text(calls), text(since), text(gone_at)}, ' '))
    redis.call('PEXPIRE', KEYS[2], KEPT_MS)
    return {'0', text(wait), 'turn', '0', '0'}
  end
  book(lane, calls, who)
  local tense = '0'
  if at('fails') > 0 or at('again') > 0 then tense = '1' end
  return {'1', '0', '', text(at('calls')), tense}
end

function entries.leave()
  leave(ARGV[7])
  return {}
end

function entries.learn()
  local remaining, reset, allowed, booked = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
  local since = 0
  if booked > 0 then since = math.max(0, at('calls') - booked) end
  if allowed > 0 then
    put('day_left', remaining); put('day_allowed', allowed); put('today', since)
    local resets = 0
    if reset > 0 then resets = now + reset end
    put('day_resets_at', resets)
    if short(LIVE, 1) then put('look_at', now + LOOK) end
    return {}
  end
  put('window_left', remaining - since); put('window_told', remaining); put('window_until', now + reset)
  return {}
end

function entries.refused()
  local wait, used_up = tonumber(ARGV[7]), ARGV[8] == '1'
  if at('quiet_until') <= now then put('again', at('again') + 1) end
  put('refused_at', now); put('refusals', at('refusals') + 1); put('fails', 0); put('rests', 0)
  put('rest_until', 0)
  if wait < 0 then wait = math.min(SECOND * 2 ^ math.min(at('again') - 1, 10), LONGEST_QUIET) end
  local name = used_up and 'used_up_until' or 'quiet_until'
  put(name, math.max(at(name), now + wait))
  if not used_up then ease() end
  return {}
end

function entries.answered()
  if ARGV[7] == '1' then
    put('fails', 0); put('rests', 0); put('rest_until', 0); put('again', 0)
    return {}
  end
  put('fails', at('fails') + 1)
  if at('rest_until') > now or (at('rests') == 0 and at('fails') < FAILURES) then return {} end
  put('rests', at('rests') + 1)
  put('rest_until', now + math.min(FIRST_REST * 2 ^ math.min(at('rests') - 1, 20), LONGEST_REST))
  put('probe_until', 0)
  return {}
end

function entries.late()
  local calls, since, begins = tonumber(ARGV[7]), tonumber(ARGV[8]), 0
  local _, allowed = day_of()
  put('calls', at('calls') + calls)
  if allowed > 0 and not (at('day_allowed') > 0 and at('day_resets_at') == 0) then begins = resets_at() - DAY end
  if since >= begins then put('today', at('today') + calls) end
  return {}
end

function entries.seed()
  local day, today = tonumber(ARGV[7]), tonumber(ARGV[8])
  local left, allowed, resets = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
  if at('calls') > 0 or at('day_allowed') > 0 then return {} end
  if allowed > 0 then
    put('day_left', left); put('day_allowed', allowed); put('day_resets_at', resets)
  elseif day == math.floor(now / DAY) then
    put('day', day); put('today', today)
  end
  return {}
end

function entries.report()
  local function to_come(moment) if moment > now then return text(moment) else return '0' end end
  known_waiting()
  local left, allowed = day_of()
  local rolling = at('day_allowed') > 0 and at('day_resets_at') == 0
  local used_up = at('used_up_until')
  if short(LIVE, 1) then used_up = math.max(used_up, rolling and at('look_at') or resets_at()) end
  local resets = 0
  if not rolling and allowed > 0 then resets = resets_at() end
  local count = 0
  for _, known in pairs(waiting) do if known.until_ >= now then count = count + 1 end end
  local resting = math.max(at('rest_until'), at('rests') > 0 and at('probe_until') or 0)
  return {
    text(pace()), text(left), text(allowed), text(terms.reserve), to_come(resets), to_come(used_up),
    to_come(at('quiet_until')), to_come(resting), text(at('refused_at')), text(at('refusals')), text(at('calls')),
    text(count),
  }
end

local told = entries[entry]()
local values = {}
for name, _ in pairs(changed) do
  table.insert(values, name)
  table.insert(values, text(s[name]))
end
if #values > 0 then
  redis.call('HSET', KEYS[1], unpack(values))
  redis.call('PEXPIRE', KEYS[1], KEPT_MS)
end
return told
