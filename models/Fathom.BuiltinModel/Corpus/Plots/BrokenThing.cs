namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>Something breaks; a child says what happened, and it is mended.</summary>
internal static class BrokenThing
{
    private static readonly (string Cause, string Because)[] s_causes =
    [
        ("ran through the room too fast and fell over it", "ran too fast"),
        ("climbed on a chair and dropped it", "dropped it from a chair"),
        ("played with the cat, and the cat jumped on it", "played with the cat next to it"),
        ("threw a ball inside the house and hit it", "threw a ball inside the house"),
        ("pulled too hard", "pulled too hard"),
    ];

    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero;
        var (cause, because) = s.Random.Pick(s_causes);
        string thing = c.Item.Name, owner = c.Relative;
        Scene.Open(s, c);
        s.Say($"{hero.Name}'s {owner} had {English.A(c.Thing)}.", $"In the house there was {English.A(c.Thing)}. It belonged to {hero.Name}'s {owner}.");
        s.Ask($"The {thing} belonged to {hero.Name}'s {owner}.", $"Whose {thing} was it?", $"Who owned the {thing}?");
        Scene.AskColour(s, thing, c.Colour);
        s.Say($"That day, {hero.Name} {cause}.", $"{hero.Name} was not careful. {hero.CapitalHe} {cause}.");
        s.Say($"Crack! The {thing} was broken.", $"Oh no! The {thing} broke in two.");
        s.Ask($"The {thing} broke because {hero.Name} {because}.", $"Why did the {thing} break?", $"How did the {thing} break?", $"Why was the {thing} broken?");
        s.Ask($"The {c.Thing} broke.", "What broke?", "What was broken?");
        s.Ask($"{hero.Name} broke the {thing}.", $"Who broke the {thing}?");
        s.Paragraph();
        s.Say($"{hero.Name} was worried.", $"{hero.CapitalHe} was afraid that {hero.His} {owner} would be angry.", $"At first, {hero.Name} wanted to hide it.");
        Scene.AskFeeling(s, hero, "worried", $"{hero.He} broke the {thing}");
        s.Say($"But {hero.He} went to {hero.His} {owner} and told the truth.", $"Then {hero.He} said, \"I am sorry. I broke the {thing}.\"");
        s.Ask($"{hero.Name} told the truth.", $"What did {hero.Name} tell {hero.His} {owner}?", $"Did {hero.Name} tell a lie?", $"What did {hero.Name} do then?");
        string tool = s.Random.Pick(["glue", "string", "nails", "tape"]);
        s.Say($"\"Thank you for telling me,\" said {hero.His} {owner}.", $"{hero.His} {owner} was not angry. \"It is good that you told me,\" came the answer.");
        s.Ask($"No, {hero.Name}'s {owner} was not angry.", $"Was {hero.Name}'s {owner} angry?");
        s.Say($"Together they mended it with {tool}.", $"They took some {tool} and mended the {thing}.");
        s.Ask($"They mended it with {tool}.", $"How did they mend the {thing}?", $"What did they use to mend the {thing}?", $"With what did they fix the {thing}?");
        s.Say("It was almost as good as new.", $"After that, {hero.Name} was always careful.", $"{hero.Name} learned that it is good to tell the truth.");
        s.Ask($"{hero.Name} learned to tell the truth.", $"What did {hero.Name} learn?", "What do we learn from the story?");
        Scene.Close(s, c);
        s.Topic($"a broken {thing}");
        s.Topic("telling the truth");
        s.SummedUpAs($"{hero.Name} breaks {English.A(c.Thing)}, tells the truth, and they mend it with {tool}.");
    }
}
