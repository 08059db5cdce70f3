namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>Something is baked for somebody, and one thing is missing.</summary>
internal static class Baking
{
    private static readonly string[] s_missing = ["eggs", "milk", "sugar", "flour", "butter", "honey", "nuts"];

    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend;
        string baked = s.Random.Pick(["cake", "pie", "bread"]), missing = s.Random.Pick(s_missing);
        var fruit = s.Random.Pick([("apple", "apples"), ("pear", "pears"), ("plum", "plums"), ("berry", "berries"), ("cherry", "cherries")]);
        string relative = c.Relative;
        Scene.Open(s, c);
        string reason = s.Random.Pick(["was ill", "had a birthday", "was coming home", "was sad", "had no food"]);
        s.Say($"{hero.Name} wanted to bake {English.A(baked)} with {hero.His} {relative}, because {friend.Name} {reason}.", $"{hero.His} friend {friend.Name} {reason}, so {hero.Name} and {hero.His} {relative} wanted to bake {English.A(baked)}.");
        s.Ask($"They wanted to bake {English.A(baked)}.", "What did they want to bake?", $"What did {hero.Name} bake?", "What did they bake?");
        s.Ask($"They baked it because {friend.Name} {reason}.", $"Why did they bake {English.A(baked)}?", $"Why did {hero.Name} want to bake {English.A(baked)}?");
        s.Ask($"{hero.Name} baked with {hero.His} {relative}.", $"With whom did {hero.Name} bake?", $"Who helped {hero.Name} to bake?");
        s.Say($"They went into the kitchen and took {English.A(c.Colour)} bowl.", $"In the kitchen stood {English.A(c.Colour)} bowl.");
        Scene.AskColour(s, "bowl", c.Colour);
        s.Say($"But there was no {missing} in the house!".Replace("no eggs", "not one egg", StringComparison.Ordinal), $"\"Oh no,\" said {hero.Name}. \"We have no {missing}.\"");
        s.Ask($"They had no {missing}.", "What was missing?", "What did they not have?", "What did they need?");
        s.Paragraph();
        string source = s.Random.Pick(["the market", "the farm", "the neighbour", "the shop"]);
        s.Say($"{hero.Name} put on {hero.His} shoes and ran to {source}.", $"So {hero.Name} went to {source}.");
        s.Say($"There {hero.He} got some {missing}.", $"{hero.CapitalHe} came back with {missing}.");
        s.Ask($"{hero.Name} got the {missing} from {source}.", $"Where did {hero.Name} get the {missing}?", $"Where did {hero.Name} go?", $"Where did {hero.Name} run?");
        int number = 2 + s.Random.Next(9);
        s.Say($"Then they put in {English.Count(number, fruit)} and mixed everything.", $"They mixed everything and put in {English.Count(number, fruit)}.");
        s.Ask($"They used {English.Count(number, fruit)}.", $"How many {fruit.Item2} did they use?", $"How many {fruit.Item2} did they put in?", "Which fruit did they use?");
        s.Say($"Soon the whole house smelled of {baked}.", $"The {baked} became big and brown.");
        s.Say($"They brought it to {friend.Name}.", $"{hero.Name} carried it to the house of {friend.Name}.");
        s.Ask($"They gave the {baked} to {friend.Name}.", $"Who got the {baked}?", $"For whom was the {baked}?", $"To whom did they give the {baked}?");
        s.Say($"\"This is the best {baked} of my life,\" said {friend.Name}.", $"{friend.Name} ate {World.Numbers[2 + s.Random.Next(3)]} pieces and smiled.");
        Scene.AskFeeling(s, friend, "happy", $"{friend.He} got {English.A(baked)}");
        Scene.Close(s, c);
        s.Topic("baking");
        s.Topic(English.A(baked));
        s.SummedUpAs($"{hero.Name} and {hero.His} {relative} bake {English.A(baked)} for {friend.Name}.");
    }
}
