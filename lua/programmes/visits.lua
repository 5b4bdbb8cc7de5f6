-- SPDX-License-Identifier: Apache-2.0
-- Visits: every sale counts once, whatever it was worth.

-- How a card says it, by language.
local words = {
  nl = {
    one = "bezoek", many = "bezoeken",
    progress = "%d van %d %s: nog %d voor %s",
    full = "%d %s: er ligt klaar voor u: %s",
    ask = "Doet u mee? De beloning voor %d %s met een aankoop: %s.",
  },
  fr = {
    one = "visite", many = "visites",
    progress = "%d sur %d %s : encore %d pour %s",
    full = "%d %s : à retirer maintenant : %s",
    ask = "Voulez-vous participer ? La récompense pour %d %s avec achat : %s.",
  },
  de = {
    one = "Besuch", many = "Besuche", of_many = "Besuchen",
    progress = "%d von %d %s: noch %d für %s",
    full = "%d %s: liegt für Sie bereit: %s",
    ask = "Machen Sie mit? Die Prämie für %d %s mit Einkauf: %s.",
  },
  en = {
    one = "visit", many = "visits",
    progress = "%d of %d %s: %d more for %s",
    full = "%d %s: ready for you: %s",
    ask = "Would you like to join? The reward for %d %s with a purchase: %s.",
  },
}

local function noun(say, count)
  return count == 1 and say.one or say.many
end

-- "7 of 10 stamps": after "von", German bends the word.
local function noun_of(say, count)
  return count == 1 and say.one or say.of_many or say.many
end

return {
  api = 1,
  unit = "visit",
  title = { nl = "Bezoeken", fr = "Visites", de = "Besuche", en = "Visits" },
  help = {
    nl = "Elke aankoop telt als een bezoek; genoeg bezoeken geven een beloning.",
    fr = "Chaque achat compte comme une visite ; assez de visites donnent une récompense.",
    de = "Jeder Einkauf zählt als Besuch; genug Besuche geben eine Prämie.",
    en = "Each purchase counts as a visit; enough visits give a reward.",
  },
  parameters = {
    {
      name = "needed", type = "integer", min = 1, max = 1000, required = true,
      title = {
        nl = "Bezoeken voor de beloning", fr = "Visites pour la récompense",
        de = "Besuche für die Prämie", en = "Visits for the reward",
      },
    },
    {
      name = "reward", type = "reward", required = true,
      title = { nl = "Beloning", fr = "Récompense", de = "Prämie", en = "Reward" },
      help = {
        nl = "De naam zoals in een zin: \"een mok\".",
        fr = "Le nom comme dans une phrase : « une tasse ».",
        de = "Der Name wie in einem Satz: „eine Tasse“.",
        en = "The name as in a sentence: \"a mug\".",
      },
    },
    {
      name = "minimum", type = "money", default = 0,
      title = {
        nl = "Minimumbedrag", fr = "Montant minimum", de = "Mindestbetrag",
        en = "Minimum amount",
      },
      help = {
        nl = "Aankopen onder dit bedrag tellen niet als bezoek.",
        fr = "Les achats sous ce montant ne comptent pas comme visite.",
        de = "Einkäufe unter diesem Betrag zählen nicht als Besuch.",
        en = "Purchases below this amount do not count as a visit.",
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
    if total > 0 and total >= p.minimum then
      return { { type = "earn", amount = 1, expires_days = p.expires_days } }
    end
  end,

  due = function(standing, p)
    if standing.available >= p.needed then
      return { cost = p.needed, reward = p.reward }
    end
  end,

  card = function(standing, p)
    local have, needed = standing.available, p.needed
    local text = {}
    for language, say in pairs(spoken(words, standing.language)) do
      local reward = pick(p.reward.name, language)
      if have >= needed then
        text[language] = string.format(say.full, have, noun(say, have), reward)
      else
        text[language] = string.format(say.progress, math.max(have, 0), needed,
          noun_of(say, needed), needed - have + standing.debt, reward)
      end
    end
    return { title = p.title, text = text }
  end,

  ask = function(p)
    local text = {}
    for language, say in pairs(words) do
      text[language] = string.format(say.ask, p.needed, noun(say, p.needed),
        pick(p.reward.name, language))
    end
    return { title = p.title, text = text }
  end,
}
