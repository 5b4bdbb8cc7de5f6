-- SPDX-License-Identifier: Apache-2.0
-- A stamp card: stamps for a sale over an amount, or for every piece of certain articles.

-- How a card says it, by language.
local words = {
  nl = {
    one = "stempel", many = "stempels",
    progress = "%d van %d %s: nog %d voor %s",
    full = "%d %s: er ligt klaar voor u: %s",
    ask = "Spaart u mee? De beloning voor %d %s: %s.",
  },
  fr = {
    one = "tampon", many = "tampons",
    progress = "%d sur %d %s : encore %d pour %s",
    full = "%d %s : à retirer maintenant : %s",
    ask = "Voulez-vous participer ? La récompense pour %d %s : %s.",
  },
  de = {
    one = "Stempel", many = "Stempel", of_many = "Stempeln",
    progress = "%d von %d %s: noch %d für %s",
    full = "%d %s: liegt für Sie bereit: %s",
    ask = "Sammeln Sie mit? Die Prämie für %d %s: %s.",
  },
  en = {
    one = "stamp", many = "stamps",
    progress = "%d of %d %s: %d more for %s",
    full = "%d %s: ready for you: %s",
    ask = "Would you like to join? The reward for %d %s: %s.",
  },
}

local function noun(say, count)
  return count == 1 and say.one or say.many
end

-- "7 of 10 stamps": after "von", German bends the word.
local function noun_of(say, count)
  return count == 1 and say.one or say.of_many or say.many
end

-- Pieces of the articles that count; quantities are in thousandths. 2,000 lines of the largest
-- quantity are 2e14: a sum without add() fits.
local function pieces(basket, items)
  local lines, sum = basket.lines, 0
  for i = 1, #lines do
    local line = lines[i]
    if items[line.sku] or items[line.gtin] then
      sum = sum + line.quantity
    end
  end
  return sum // 1000
end

return {
  api = 1,
  unit = "stamp",
  title = {
    nl = "Stempelkaart", fr = "Carte à tampons", de = "Stempelkarte", en = "Stamp card",
  },
  help = {
    nl = "Een stempel per aankoop of per artikel; een volle kaart geeft een beloning.",
    fr = "Un tampon par achat ou par article ; une carte pleine donne une récompense.",
    de = "Ein Stempel pro Einkauf oder Artikel; eine volle Karte gibt eine Prämie.",
    en = "A stamp for a purchase or an article; a full card gives a reward.",
  },
  parameters = {
    {
      name = "minimum", type = "money", default = 0,
      title = {
        nl = "Minimumbedrag", fr = "Montant minimum", de = "Mindestbetrag",
        en = "Minimum amount",
      },
      help = {
        nl = "Aankopen onder dit bedrag geven geen stempel.",
        fr = "Les achats sous ce montant ne donnent pas de tampon.",
        de = "Einkäufe unter diesem Betrag geben keinen Stempel.",
        en = "Purchases below this amount earn no stamp.",
      },
    },
    {
      name = "needed", type = "integer", min = 1, max = 1000, required = true,
      title = {
        nl = "Stempels voor een volle kaart", fr = "Tampons pour une carte pleine",
        de = "Stempel für eine volle Karte", en = "Stamps for a full card",
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
      name = "items", type = "words", default = {},
      title = {
        nl = "Artikelen", fr = "Articles", de = "Artikel", en = "Articles",
      },
      help = {
        nl = "Artikelnummers of GTIN's: elk stuk geeft een stempel. Leeg: per aankoop.",
        fr = "Références ou GTIN : chaque pièce donne un tampon. Vide : par achat.",
        de = "Artikelnummern oder GTIN: jedes Stück gibt einen Stempel. Leer: pro Einkauf.",
        en = "Article numbers or GTINs: each piece earns a stamp. Empty: per purchase.",
      },
    },
    {
      name = "per_sale", type = "integer", min = 1, max = 1000, default = 1,
      title = {
        nl = "Stempels per aankoop", fr = "Tampons par achat", de = "Stempel pro Einkauf",
        en = "Stamps per purchase",
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
    if total <= 0 or total < p.minimum then
      return nil
    end
    local stamps = p.per_sale
    if #p.items > 0 then
      stamps = pieces(basket, p.items)
    end
    if stamps > 0 then
      return { { type = "earn", amount = stamps, expires_days = p.expires_days } }
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
