namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>Seeds are planted, cared for and harvested; what grew is counted and shared.</summary>
internal static class GardenHarvest
{
    private static readonly (string One, string Many)[] s_plants =
        [("carrot", "carrots"), ("flower", "flowers"), ("pear", "pears"), ("apple", "apples"), ("plum", "plums"), ("pumpkin", "pumpkins"), ("tomato", "tomatoes")];

    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend;
        var plant = s.Random.Pick(s_plants);
        int seeds = 2 + s.Random.Next(9), days = 3 + s.Random.Next(8);
        int given = 1 + s.Random.Next(seeds - 1);
        Scene.Open(s, c);
        s.Say($"{hero.CapitalHe} got {World.Numbers[seeds]} seeds from {hero.His} {c.Relative}.", $"{hero.His} {c.Relative} gave {hero.Him} {World.Numbers[seeds]} seeds.");
        s.Ask($"{hero.Name} had {World.Numbers[seeds]} seeds.", $"How many seeds did {hero.Name} have?", $"How many seeds did {hero.Name} get?");
        s.Ask($"{hero.Name}'s {c.Relative} gave {hero.Him} the seeds.", $"Who gave {hero.Name} the seeds?", "Where did the seeds come from?");
        s.Say($"{hero.Name} put them into the soft ground {c.Place.At}.", $"{hero.CapitalHe} planted them {c.Place.At}.");
        s.Ask($"{hero.Name} planted the seeds {c.Place.At}.", $"Where did {hero.Name} plant the seeds?", "Where were the seeds?");
        s.Say($"Every day {hero.He} gave them water from {English.A(c.Colour)} cup.", $"{hero.CapitalHe} gave them water every morning with {English.A(c.Colour)} cup.");
        Scene.AskColour(s, "cup", c.Colour);
        s.Say("But nothing happened.", "For a long time there was only brown earth.", $"\"When will they grow?\" asked {hero.Name}.");
        s.Say($"\"You must wait,\" said {friend.Name}. \"Plants need time.\"", $"{hero.His} friend {friend.Name} said, \"Plants need water, sun and time.\"");
        s.Ask($"{friend.Name} said that plants need time.", $"What did {friend.Name} say?", "What do plants need?");
        s.Paragraph();
        s.Say($"After {World.Numbers[days]} days, a small green leaf came out.", $"Then, after {World.Numbers[days]} days, there was something green.");
        s.Ask($"It took {World.Numbers[days]} days.", "How long did it take?", "How many days did it take?", "After how many days did a leaf come out?");
        s.Say($"The plants grew and grew, and soon there were {English.Count(seeds, plant)}.", $"In summer {hero.He} had {English.Count(seeds, plant)}.");
        s.Ask($"There were {English.Count(seeds, plant)}.", $"How many {plant.Many} were there?", "What grew from the seeds?", "What grew there?");
        s.Say($"{hero.Name} gave {English.Count(given, plant)} to {friend.Name}.", $"{hero.CapitalHe} gave {friend.Name} {English.Count(given, plant)}.");
        s.Ask($"{friend.Name} got {English.Count(given, plant)}.", $"How many {plant.Many} did {friend.Name} get?", $"How many {plant.Many} did {hero.Name} give to {friend.Name}?");
        s.Ask($"{hero.Name} gave {plant.Many} to {friend.Name}.", $"Who got {plant.Many} from {hero.Name}?", $"What did {hero.Name} give {friend.Name}?");
        s.Say($"\"Thank you,\" said {friend.Name}. They were both happy.", $"{friend.Name} was glad and thanked {hero.Him}.");
        Scene.AskFeeling(s, friend, "happy", $"{hero.Name} gave {friend.Him} {plant.Many}");
        Scene.Close(s, c);
        s.Topic("a garden");
        s.Topic(plant.Many);
        s.Topic("seeds that grow");
        s.SummedUpAs($"{hero.Name} plants {World.Numbers[seeds]} seeds, waits, and shares the {plant.Many} with {friend.Name}.");
    }
}
