-- SPDX-License-Identifier: Apache-2.0
-- Spend: the sum of all sales counts, in minor units; at an amount there is a reward.

-- How a card says it, by language. `point` is the decimal point.
local words = {
  nl = {
    progress = "%s van %s besteed: nog %s voor %s",
    full = "%s besteed: er ligt klaar voor u: %s",
    ask = "Doet u mee? Aankopen voor samen %s geven recht op: %s.",
    point = ",",
  },
  fr = {
    progress = "%s sur %s dépensés : encore %s pour %s",
    full = "%s dépensés : à retirer maintenant : %s",
    ask = "Voulez-vous participer ? %s d'achats donnent droit à : %s.",
    point = ",",
  },
  de = {
    progress = "%s von %s ausgegeben: noch %s für %s",
    full = "%s ausgegeben: liegt für Sie bereit: %s",
    ask = "Machen Sie mit? Für Einkäufe von zusammen %s gibt es: %s.",
    point = ",",
  },
  en = {
    progress = "%s of %s spent: %s more for %s",
    full = "%s spent: ready for you: %s",
    ask = "Would you like to join? Spending %s gives you: %s.",
    point = ".",
  },
}

local function money(say, minor)
  return string.format("%d%s%02d", minor // 100, say.point, minor % 100)
end

return {
  api = 1,
  unit = "cent",
  title = { nl = "Besteed bedrag", fr = "Montant dépensé", de = "Umsatz", en = "Amount spent" },
  help = {
    nl = "De som van alle aankopen telt; bij een bedrag is er een beloning.",
    fr = "La somme de tous les achats compte ; à un montant, il y a une récompense.",
    de = "Die Summe aller Einkäufe zählt; bei einem Betrag gibt es eine Prämie.",
    en = "The sum of all purchases counts; at an amount there is a reward.",
  },
  parameters = {
    {
      name = "needed", type = "money", min = 1, required = true,
      title = {
        nl = "Bedrag voor de beloning", fr = "Montant pour la récompense",
        de = "Betrag für die Prämie", en = "Amount for the reward",
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
    if basket.total > 0 then
      return { { type = "earn", amount = basket.total, expires_days = p.expires_days } }
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
        text[language] = string.format(say.full, money(say, have), reward)
      else
        text[language] = string.format(say.progress, money(say, math.max(have, 0)),
          money(say, needed), money(say, needed - have + standing.debt), reward)
      end
    end
    return { title = p.title, text = text }
  end,

  ask = function(p)
    local text = {}
    for language, say in pairs(words) do
      text[language] = string.format(say.ask, money(say, p.needed),
        pick(p.reward.name, language))
    end
    return { title = p.title, text = text }
  end,
}
