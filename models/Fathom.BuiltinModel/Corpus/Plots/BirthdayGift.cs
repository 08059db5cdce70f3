namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>A birthday: a gift is bought or made, and why it is the right one.</summary>
internal static class BirthdayGift
{
    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend;
        string thing = c.Item.Name;
        int age = 5 + s.Random.Next(8);
        Scene.Open(s, c);
        s.Say(
            $"It was the birthday of {hero.His} friend {friend.Name}.",
            $"{hero.CapitalHe} had a friend named {friend.Name}, and today was {friend.Name}'s birthday.");
        s.Ask($"It was {friend.Name}'s birthday.", "Whose birthday was it?", "Who had a birthday?");
        s.Say($"{friend.Name} was now {World.Numbers[age]} years old.");
        s.Ask($"{friend.Name} was {World.Numbers[age]} years old.", $"How old was {friend.Name}?");
        s.Say($"{hero.Name} wanted to give {friend.Him} something nice.", $"\"What can I give {friend.Him}?\" thought {hero.Name}.");
        s.Paragraph();
        if (s.Random.Chance(0.5))
        {
            int coins = 2 + s.Random.Next(9);
            s.Say($"{hero.CapitalHe} went to the market with {World.Numbers[coins]} coins.", $"{hero.Name} took {World.Numbers[coins]} coins and went to the market.");
            s.Say($"There {hero.He} bought {English.A(c.Thing)}.", $"{hero.CapitalHe} saw {English.A(c.Thing)} and bought it.");
            s.Ask($"{hero.Name} had {World.Numbers[coins]} coins.", $"How many coins did {hero.Name} have?");
            s.Ask($"{hero.Name} bought {English.A(c.Thing)}.", $"What did {hero.Name} buy?", $"What did {hero.Name} buy at the market?");
            s.Ask($"{hero.Name} went to the market.", $"Where did {hero.Name} go?", $"Where did {hero.Name} buy the {thing}?");
        }
        else
        {
            s.Say(
                $"So {hero.He} took some {c.Item.Material} and made {English.A(c.Thing)}.",
                $"{hero.CapitalHe} sat down with {hero.His} {c.Relative}, and together they made {English.A(c.Thing)} from {c.Item.Material}.");
            s.Ask($"{hero.Name} made {English.A(c.Thing)}.", $"What did {hero.Name} make?");
            s.Ask($"The {thing} was made of {c.Item.Material}.", $"What was the {thing} made of?");
        }

        Scene.AskColour(s, thing, c.Colour);
        s.Say($"{hero.CapitalHe} put it in a box with {English.A(c.OtherColour)} ribbon.", $"{hero.CapitalHe} tied {English.A(c.OtherColour)} ribbon around it.");
        s.Ask($"The ribbon was {c.OtherColour}.", "What colour was the ribbon?", "What color was the ribbon?");
        s.Say($"When {friend.Name} opened it, {friend.He} jumped with joy.", $"{friend.Name} opened the gift and smiled.", $"{friend.Name} was very happy when {friend.He} saw the {thing}.");
        s.Say($"\"Now I can {c.Item.Use}!\" said {friend.Name}.");
        s.Ask($"{hero.Name} gave {friend.Name} {English.A(c.Thing)}.", $"What did {hero.Name} give {friend.Name}?", $"What did {friend.Name} get?", "What was the gift?");
        s.Ask($"{friend.Name} wanted to {c.Item.Use}.", $"What did {friend.Name} want to do with the {thing}?");
        Scene.AskFeeling(s, friend, "happy", $"{friend.He} got {English.A(c.Thing)}");
        s.Say($"Then they all ate {c.Food} together.", $"After that, they ate some {c.Food} and sang a song.");
        s.Ask($"They ate {c.Food}.", "What did they eat?");
        Scene.Close(s, c);
        s.Topic("a birthday");
        s.Topic(English.A(c.Thing));
        s.SummedUpAs($"{hero.Name} gives {friend.Name} {English.A(c.Thing)} for {friend.His} birthday.");
    }
}
