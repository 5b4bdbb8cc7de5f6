-- SPDX-License-Identifier: Apache-2.0
-- Points for what was spent: one for each full amount; categories may count more, less or not at
-- all.

-- How a card says it, by language. `point` is the decimal point.
local words = {
  nl = {
    one = "punt", many = "punten",
    balance = "U hebt %d %s",
    progress = "%d van %d %s: nog %d voor %s",
    full = "%d %s: er ligt klaar voor u: %s",
    ask = "Spaart u mee? U krijgt 1 punt per %s.",
    ask_reward = "Spaart u mee? U krijgt 1 punt per %s; de beloning voor %d %s: %s.",
    point = ",",
  },
  fr = {
    one = "point", many = "points",
    balance = "Vous avez %d %s",
    progress = "%d sur %d %s : encore %d pour %s",
    full = "%d %s : à retirer maintenant : %s",
    ask = "Voulez-vous participer ? 1 point par tranche de %s.",
    ask_reward = "Voulez-vous participer ? 1 point par tranche de %s ; "
      .. "la récompense pour %d %s : %s.",
    point = ",",
  },
  de = {
    one = "Punkt", many = "Punkte", of_many = "Punkten",
    balance = "Sie haben %d %s",
    progress = "%d von %d %s: noch %d für %s",
    full = "%d %s: liegt für Sie bereit: %s",
    ask = "Sammeln Sie mit? Je %s gibt es 1 Punkt.",
    ask_reward = "Sammeln Sie mit? Je %s gibt es 1 Punkt; die Prämie für %d %s: %s.",
    point = ",",
  },
  en = {
    one = "point", many = "points",
    balance = "You have %d %s",
    progress = "%d of %d %s: %d more for %s",
    full = "%d %s: ready for you: %s",
    ask = "Would you like to join? 1 point for every %s.",
    ask_reward = "Would you like to join? 1 point for every %s; the reward for %d %s: %s.",
    point = ".",
  },
}

local function noun(say, count)
  return count == 1 and say.one or say.many
end

-- "7 of 10 stamps": after "von", German bends the word.
local function noun_of(say, count)
  return count == 1 and say.one or say.of_many or say.many
end

local function money(say, minor)
  return string.format("%d%s%02d", minor // 100, say.point, minor % 100)
end

-- What of the basket counts, in hundredths of a minor unit: each line by its category's weight.
-- 2,000 lines of the largest amount by the largest weight are 2e18: a sum without add() fits.
local function weighed(basket, weights)
  local lines, sum = basket.lines, 0
  for i = 1, #lines do
    local line = lines[i]
    sum = sum + line.amount * (weights[line.category] or 100)
  end
  return sum
end

return {
  api = 1,
  unit = "point",
  title = { nl = "Punten", fr = "Points", de = "Punkte", en = "Points" },
  help = {
    nl = "Een punt voor elk vol bedrag; categorieën kunnen meer, minder of niet meetellen.",
    fr = "Un point par tranche ; des catégories peuvent compter plus, moins ou pas du tout.",
    de = "Ein Punkt je vollem Betrag; Kategorien können mehr, weniger oder nicht zählen.",
    en = "A point for each full amount; categories may count more, less or not at all.",
  },
  parameters = {
    {
      name = "per", type = "money", min = 1, required = true,
      title = {
        nl = "Bedrag per punt", fr = "Montant par point", de = "Betrag je Punkt",
        en = "Amount for a point",
      },
    },
    {
      name = "needed", type = "integer", min = 1, max = 1000000000, needs = "reward",
      title = {
        nl = "Punten voor de beloning", fr = "Points pour la récompense",
        de = "Punkte für die Prämie", en = "Points for the reward",
      },
    },
    {
      name = "reward", type = "reward", needs = "needed",
      title = { nl = "Beloning", fr = "Récompense", de = "Prämie", en = "Reward" },
      help = {
        nl = "De naam zoals in een zin: \"een mok\".",
        fr = "Le nom comme dans une phrase : « une tasse ».",
        de = "Der Name wie in einem Satz: „eine Tasse“.",
        en = "The name as in a sentence: \"a mug\".",
      },
    },
    {
      name = "categories", type = "multipliers", default = {},
      title = {
        nl = "Gewicht per categorie", fr = "Poids par catégorie",
        de = "Gewicht je Kategorie", en = "Weight by category",
      },
      help = {
        nl = "In honderdsten: 200 telt dubbel, 0 telt niet, wat ontbreekt telt als 100.",
        fr = "En centièmes : 200 compte double, 0 ne compte pas, absent compte 100.",
        de = "In Hundertsteln: 200 zählt doppelt, 0 zählt nicht, was fehlt zählt 100.",
        en = "In hundredths: 200 counts double, 0 does not count, what is absent counts 100.",
      },
    },
    {
      name = "expires_days", type = "integer", min = 0, max = 3650, default = 0,
      title = {
        nl = "Dagen geldig", fr = "Jours de validité", de = "Tage gültig",
        en = "Days valid",
      },
      help = {
        nl = "0: vervalt nooit.", fr = "0 : n'expire jamais.", de = "0: verfällt nie.",
        en = "0: never expires.",
      },
    },
    {
      name = "after_return", type = "choice", choices = { "debt", "forgive", "negative" },
      default = "debt",
      title = {
        nl = "Bij terugname na de beloning", fr = "Retour après la récompense",
        de = "Rückgabe nach der Prämie", en = "Return after the reward",
      },
      help = {
        nl = "debt: tekort eerst aanvullen; forgive: kwijtschelden; negative: saldo onder nul.",
        fr = "debt : combler d'abord ; forgive : effacer ; negative : solde sous zéro.",
        de = "debt: erst auffüllen; forgive: erlassen; negative: Saldo unter null.",
        en = "debt: fill it first; forgive: let it go; negative: balance below zero.",
      },
    },
    {
      name = "hold_minutes", type = "integer", min = 1, max = 1440, default = 10,
      title = {
        nl = "Minuten om af te halen", fr = "Minutes pour retirer",
        de = "Minuten zum Abholen", en = "Minutes to collect",
      },
    },
  },

  sale = function(basket, standing, p)
    local total = basket.total
    if total <= 0 then
      return nil
    end
    local points = total // p.per
    if not empty(p.categories) then
      points = weighed(basket, p.categories) // (100 * p.per)
    end
    if points > 0 then
      return { { type = "earn", amount = points, expires_days = p.expires_days } }
    end
  end,

  due = function(standing, p)
    if p.needed and standing.available >= p.needed then
      return { cost = p.needed, reward = p.reward }
    end
  end,

  card = function(standing, p)
    local have, needed = standing.available, p.needed
    local text = {}
    for language, say in pairs(spoken(words, standing.language)) do
      if not needed then
        text[language] = string.format(say.balance, have, noun(say, have))
      elseif have >= needed then
        text[language] = string.format(say.full, have, noun(say, have),
          pick(p.reward.name, language))
      else
        text[language] = string.format(say.progress, math.max(have, 0), needed,
          noun_of(say, needed), needed - have + standing.debt,
          pick(p.reward.name, language))
      end
    end
    return { title = p.title, text = text }
  end,

  ask = function(p)
    local text = {}
    for language, say in pairs(words) do
      if p.needed then
        text[language] = string.format(say.ask_reward, money(say, p.per), p.needed,
          noun(say, p.needed), pick(p.reward.name, language))
      else
        text[language] = string.format(say.ask, money(say, p.per))
      end
    end
    return { title = p.title, text = text }
  end,
}
